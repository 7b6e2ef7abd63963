//! The words of application periods.
//!
//! Korean joins words ("예산소진시까지") and parts them ("예산 소진 시 까지") at will. A run of syllables is
//! therefore divided into words of the list, all of it, from its start: 접수시작 is 접수 and 시작, and has
//! no 수시 in it. A run that cannot be divided has no meaning, except for a few endings.

use events::PeriodKind;

use crate::letters::skip_blanks;

/// What a word says about dates beside it, or about the period as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The date before it is the first day: 부터.
    From,
    /// The date before it is the last day: 까지.
    Until,
    /// The date before or after it is the first day: 시작.
    Start,
    /// The date before or after it is the last day: 마감.
    End,
    /// As [`Self::End`] beside a date, else until the places are filled: 모집 마감.
    Filled,
    /// The date after it is the first day: 시작일.
    StartDay,
    /// The date after it is the last day: 마감일.
    EndDay,
    /// How the period is written.
    Kind(PeriodKind),
    /// The dates beside it are not those of the application: 발표.
    OtherMatter,
    /// A word that may stand between a date and its word: 접수.
    Neutral,
    /// An ending, which never starts a run: 는.
    Ending,
    Unknown,
}

/// Every word, between commas. A blank in it may be there or not.
const WORDS: [(Word, &str); 18] = [
    (Word::From, "부터, 이후, 이후로"),
    (Word::Until, "까지, 이전"),
    (Word::Start, "시작, 개시, 오픈"),
    (Word::End, "마감, 종료"),
    (Word::Filled, "모집 마감, 인원 마감, 정원 마감"),
    (
        Word::StartDay,
        "시작 일, 시작 일자, 시작 일시, 개시 일, 개시 일자, 개시 일시",
    ),
    (
        Word::EndDay,
        "마감 일, 마감 일자, 마감 일시, 마감 기한, 마감 시한, 종료 일, 종료 일자, 종료 일시, 기한",
    ),
    (
        Word::Kind(PeriodKind::Recurring),
        "매월, 매달, 매주, 매년, 매 분기, 매 반기, 매 회, 격월, 격주",
    ),
    (Word::Kind(PeriodKind::UntilBudget), "소진"),
    (
        Word::Kind(PeriodKind::UntilFilled),
        "충족, 충원, 정원, 모집 완료, 모집 마감 시, 인원 마감 시, 정원 마감 시, 모집 시 까지, 채용 시 까지, 채용 완료, 선발 완료, 선정 완료",
    ),
    (
        Word::Kind(PeriodKind::FirstCome),
        "선착순, 선착, 선순, 선착순 마감, 선착순 조기 마감, 선순 마감",
    ),
    (
        Word::Kind(PeriodKind::Varies),
        "상이, 다름, 다릅니다, 별도 접수, 별 상이, 별 다름, 마다 상이, 마다 다름",
    ),
    (
        Word::Kind(PeriodKind::AnnouncedLater),
        "추후, 미정, 별도 공지, 별도 공고, 별도 안내, 별도 통보",
    ),
    (Word::Kind(PeriodKind::Always), "상시, 수시, 연중"),
    (
        Word::OtherMatter,
        "발표, 설명회, 심사, 평가, 협약, 개최, 행사, 교육, 사업 기간, 사업 시작, 사업 시작 일, 사업 종료, 사업 종료 일, 지원 기간, \
         운영 기간, 협약 기간, 교육 기간, 행사 기간, 평가 기간, 심사 기간, 입주 기간",
    ),
    // A date beside 조기 마감 is not the one on which it comes.
    (Word::Unknown, "조기 마감, 조기 종료, 마감 시간, 시작 시간"),
    (
        Word::Neutral,
        "접수, 신청, 모집, 공모, 공고, 공지, 안내, 지원, 사업, 참여, 기업, 기간, 시, 시간, 시점, 일, 일시, 중, 내, 가능, 운영, \
         진행, 예정, 완료, 인원, 규모, 목표, 선발, 선정, 결과, 조기, 최종, 예산, 자금, 사업비, 지원금, 재원, 기금, 국비, 온라인, \
         방문, 우편, 서류, 원서, 제출, 등록, 상담, 연장, 때, 경우, 후, 및, 또는, 당일, 오전, 오후, 정오, 자정, 이상, 이하, 이내, \
         공고일, 접수일, 신청일, 금일, 참가, 업체, 입주, 물량, 한도, 통보, 별도, 순, 초과, 별, 세부, 프로그램, 차, 차수",
    ),
    (
        Word::Ending,
        "은, 는, 이, 가, 을, 를, 에, 의, 로, 으로, 과, 와, 도, 만, 함, 임, 됨, 됩니다, 합니다, 입니다, 하며, 하고, 하여, \
         이며, 이고, 이면, 인, 할, 한, 될, 된, 시킴, 에서, 에는, 하므로, 므로, 하오니, 해서, 습니다",
    ),
];

/// Words that also count at the end of a run whose start is not in the list: 도비예산소진시.
const AT_THE_END: &str =
    "부터, 까지, 예산 소진, 자금 소진, 선착순, 별 상이, 별 다름, 마다 상이, 마다 다름, 마감 일";

/// A word and where it ends.
pub(super) type FoundWord = (Word, usize);

/// The words of a text.
#[derive(Debug)]
pub(super) struct Words<'a> {
    letters: &'a [char],
    /// At each position the longest word after which the rest of the run can be divided, too.
    longest: Vec<Option<FoundWord>>,
}

impl<'a> Words<'a> {
    pub(super) fn new(letters: &'a [char]) -> Self {
        let mut words = Self {
            letters,
            longest: vec![None; letters.len()],
        };
        let syllables = (0..letters.len()).filter(|at| is_syllable(letters.get(*at)));
        for at in syllables.rev() {
            words.longest[at] = words.longest_at(at, |_| true);
        }
        words
    }

    fn longest_at(&self, at: usize, is_allowed: impl Fn(Word) -> bool) -> Option<FoundWord> {
        WORDS
            .iter()
            .filter(|(word, _)| is_allowed(*word))
            .flat_map(|(word, texts)| texts.split(", ").map(move |text| (*word, text)))
            .filter_map(|(word, text)| Some((word, match_at(self.letters, at, text)?)))
            .filter(|(_, end)| !is_syllable(self.letters.get(*end)) || self.longest[*end].is_some())
            .max_by_key(|(_, end)| *end)
    }

    /// Divides the run of syllables that starts at `at`. The last word may end in a later run.
    pub(super) fn divide(&self, at: usize) -> Vec<FoundWord> {
        if let Some(first) = self.longest_at(at, |word| word != Word::Ending) {
            return self.divided(first);
        }
        let end = end_of_run(self.letters, at);
        let known = (at + 1..end).find_map(|inside| {
            let is_end = AT_THE_END
                .split(", ")
                .any(|word| match_at(self.letters, inside, word).is_some());
            Some((inside, self.longest[inside].filter(|_| is_end)?))
        });
        match known {
            Some((inside, first)) => {
                let mut words = vec![(Word::Unknown, inside)];
                words.extend(self.divided(first));
                words
            }
            None => vec![(Word::Unknown, end)],
        }
    }

    /// A word and those after it in the same run.
    fn divided(&self, first: FoundWord) -> Vec<FoundWord> {
        let next = |(_, end): &FoundWord| self.longest.get(*end).copied().flatten();
        std::iter::successors(Some(first), next).collect()
    }
}

/// Where a word of the list ends if it stands at that position.
fn match_at(letters: &[char], mut at: usize, word: &str) -> Option<usize> {
    for letter in word.chars() {
        if letter == ' ' {
            at = skip_blanks(letters, at);
        } else if letters.get(at) == Some(&letter) {
            at += 1;
        } else {
            return None;
        }
    }
    Some(at)
}

/// The end of the run of syllables that starts at `at`.
pub(super) fn end_of_run(letters: &[char], mut at: usize) -> usize {
    while is_syllable(letters.get(at)) {
        at += 1;
    }
    at
}

pub(super) fn is_syllable(letter: Option<&char>) -> bool {
    letter.is_some_and(|letter| ('가'..='힣').contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        let letters: Vec<char> = text.chars().collect();
        let words = Words::new(&letters);
        let mut found = Vec::new();
        let mut at = 0;
        while at < letters.len() {
            if is_syllable(letters.get(at)) {
                for (word, end) in words.divide(at) {
                    at = end;
                    found.push(word);
                }
            } else {
                at += 1;
            }
        }
        found.retain(|word| !matches!(word, Word::Neutral | Word::Ending));
        found
    }

    #[test]
    fn words_are_found_at_word_borders_only() {
        use PeriodKind::{Always, UntilBudget, UntilFilled, Varies};
        for (text, expected) in [
            ("접수 시작", &[Word::Start][..]),
            ("접수시작일", &[Word::StartDay]),
            ("접수시 제출", &[]),
            ("접수시간", &[]),
            ("수시접수", &[Word::Kind(Always)]),
            ("연중수시", &[Word::Kind(Always), Word::Kind(Always)]),
            ("비상시 연락", &[Word::Unknown, Word::Unknown]),
            ("이상이면", &[]),
            ("상이하므로", &[Word::Kind(Varies)]),
            ("지역별상이함", &[Word::Unknown, Word::Kind(Varies)]),
            ("예산소진시까지", &[Word::Kind(UntilBudget), Word::Until]),
            ("예산 소진 시 까지", &[Word::Kind(UntilBudget), Word::Until]),
            ("도비예산소진시", &[Word::Unknown, Word::Kind(UntilBudget)]),
            ("소진공 공고", &[Word::Unknown]),
            ("모집 마감시", &[Word::Kind(UntilFilled)]),
            ("모집마감", &[Word::Filled]),
            ("조정원 공고", &[Word::Unknown]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
