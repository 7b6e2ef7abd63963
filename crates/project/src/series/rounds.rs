//! Removes from a title in which round of a year it was announced. Works on normalized characters.

use crate::letters::{digit_runs, has_word_at, skip_blanks};

/// Blanks out 1차, 제2차, 1·2차, 3차년도, 제12회, 5기, 1/4분기 and 상반기, but not 4차 산업혁명 or 2차전지.
pub(super) fn blank_out_rounds(letters: &mut [char]) {
    for (at, end) in digit_runs(letters) {
        if let Some(behind) = end_of_round(letters, at, end) {
            let start = start_of_round(letters, at);
            letters[start..behind].fill(' ');
        }
    }
    for half in ["상·하반기", "상하반기", "상반기", "하반기"] {
        let length = half.chars().count();
        for at in 0..letters.len() {
            if has_word_at(letters, at, half) {
                letters[at..at + length].fill(' ');
            }
        }
    }
}

fn end_of_round(letters: &[char], at: usize, end: usize) -> Option<usize> {
    /// Words that 차 before them belongs to: 4차 산업혁명, 2차전지.
    const NOT_A_ROUND: [&str; 9] = [
        "산업", "전지", "협력", "벤더", "혁명", "의료", "금속", "가공", "밴드",
    ];
    // No programme has been announced a thousand times.
    if end - at > 3 {
        return None;
    }
    let word = skip_blanks(letters, end);
    if has_word_at(letters, word, "분기") {
        return Some(word + 2);
    }
    let behind = word + 1;
    match letters.get(word)? {
        '차' if has_word_at(letters, behind, "년도") || has_word_at(letters, behind, "연도") => {
            Some(behind + 2)
        }
        '차' => {
            let next = skip_blanks(letters, behind);
            let is_round = !NOT_A_ROUND
                .iter()
                .any(|word| has_word_at(letters, next, word));
            is_round.then_some(behind)
        }
        '회' | '기' => {
            let ends_word = letters
                .get(behind)
                .is_none_or(|next| !next.is_alphanumeric());
            (word == end && ends_word).then_some(behind)
        }
        _ => None,
    }
}

/// Includes "제" and the numbers before: 제1·2차, 1/4분기.
fn start_of_round(letters: &[char], mut at: usize) -> usize {
    while at >= 2
        && matches!(letters[at - 1], '·' | '~' | '/' | ',' | '-')
        && letters[at - 2].is_ascii_digit()
    {
        at -= 1;
        while at >= 1 && letters[at - 1].is_ascii_digit() {
            at -= 1;
        }
    }
    let mut before = at;
    while before >= 1 && letters[before - 1] == ' ' {
        before -= 1;
    }
    if before >= 1 && letters[before - 1] == '제' && (before < 2 || letters[before - 2] == ' ') {
        before - 1
    } else {
        at
    }
}
