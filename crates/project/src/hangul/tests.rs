use super::*;

/// Whether the query finds the text.
fn finds(query: &str, text: &str) -> bool {
    let (letters, first) = (decomposed(text), initials(text));
    search_terms(query).iter().all(|term| match term {
        SearchTerm::Text(variants) => variants.iter().any(|word| letters.contains(&**word)),
        SearchTerm::Initials(word) => first.contains(&**word),
    })
}

#[test]
fn syllable_becomes_three_letters_rest_stays() {
    assert_eq!(
        decomposed("가각힣 A-1 ㅋ"),
        "\u{1100}\u{1161}\u{11A7}\u{1100}\u{1161}\u{11A8}\u{1112}\u{1175}\u{11C2} a-1 ㅋ"
    );
    assert_eq!(decomposed(""), "");
}

#[test]
fn composed_and_decomposed_texts_are_equal() {
    // 각, 가나 and a syllable without its final, whose final follows.
    for (composed, decomposed_already) in [
        ("각", "\u{1100}\u{1161}\u{11A8}"),
        ("가나", "\u{1100}\u{1161}\u{1102}\u{1161}"),
        ("각", "가\u{11A8}"),
    ] {
        assert_eq!(
            decomposed(composed),
            decomposed(decomposed_already),
            "{composed}"
        );
    }
}

#[test]
fn complete_syllable_is_found_only_as_such() {
    for (query, text, found) in [
        ("상점", "스마트상점 보급", true),
        ("마트상", "스마트상점", true),
        ("가나 ", "각나", false),
        ("가나", "간아", false),
        ("가 나", "각 나", false),
        ("나 가", "각 나", true),
        ("정부 ", "정북", false),
        ("ai 바우처", "AI바우처", true),
        ("없는 바우처", "AI바우처", false),
        ("", "무엇이든", true),
    ] {
        assert_eq!(finds(query, text), found, "{query:?} in {text:?}");
    }
}

#[test]
fn last_letter_of_query_may_be_incomplete() {
    for (query, text, found) in [
        ("스마트사", "스마트상점", true),
        ("스마트사 ", "스마트상점", false),
        ("스마트ㅅ", "스마트상점", true),
        ("스마트상ㅈ", "스마트상점", true),
        ("스마트ㅅ ", "스마트상점", false),
        ("스마트ㅎ", "스마트상점", false),
        ("가", "각", true),
        ("갑", "값", true),
        ("갑 ", "값", false),
        ("값", "갑", false),
        ("간", "가나", true),
        ("간", "가다", false),
        ("간 ", "가나", false),
        ("앆", "아까", true),
        ("tvㅅ", "tv상점", false),
    ] {
        assert_eq!(finds(query, text), found, "{query:?} in {text:?}");
    }
}

#[test]
fn word_is_found_at_every_step_of_typing() {
    for (steps, text) in [
        ("ㄱ 기 깃 기수 기술", "기술"),
        ("ㄱ 기 깃 기수 기술 기술ㅂ 기술보", "기술보급"),
        ("ㅈ 지 징 지우 지워 지원", "지원"),
        ("ㅅ 스 슴 스마 스맡 스마트", "스마트"),
        ("ㄱ 가 갑 값 값ㅈ 값지 값진", "값진"),
        ("ㄱ 가 갑 값 갑시 갑신", "갑신"),
        ("ㄷ 다 달 닭 달갸 달걀", "달걀"),
        ("ㅎ 호 화 확 확ㅇ 확이 확인", "확인"),
        ("ㅇ 으 의 읠 의료", "의료"),
    ] {
        for step in steps.split(' ') {
            assert!(finds(step, text), "{step} in {text}");
            assert!(
                finds(&format!("중소 {step}"), &format!("중소기업 {text}")),
                "{step} after another word"
            );
        }
    }
}

#[test]
fn last_sound_is_of_the_last_letter_or_digit() {
    for (text, ends) in [
        ("사업", Some(true)),
        ("바우처", Some(false)),
        ("사업 (2차)", Some(false)),
        ("R&D 100", Some(true)),
        ("2차 4", Some(false)),
        ("스마트 AI", None),
        ("", None),
    ] {
        assert_eq!(ends_in_consonant(text), ends, "{text}");
    }
}

#[test]
fn initials_continue_across_blanks_not_other_letters() {
    for (query, text, found) in [
        ("ㅅㅁㅌ", "스마트상점", true),
        ("ㅅㅁㅌㅅㅈ", "스마트 상점", true),
        ("ㅅㅁㅌㅅㅈ", "스마트-상점", true),
        ("ㅅㅁㅌㅅㅈ", "스마트 2호 상점", false),
        ("ㅅㅈ ㄱㅅ", "기술 상점", true),
        ("ㄲ", "꿈", true),
        ("ㄱ", "꿈", false),
        ("ㄳ", "기술", true),
        ("ㅎㄼ", "해로바", true),
        ("ㅏ", "가", false),
        ("스마트 ㄱㅅ", "스마트 기술", true),
    ] {
        assert_eq!(finds(query, text), found, "{query:?} in {text:?}");
    }
}

#[test]
fn short_parts_are_what_two_letters_of_a_search_can_be() {
    let parts = |text: &str| short_parts(text).into_iter().collect::<Vec<_>>();
    assert_eq!(
        parts(&decomposed("ai 각고")),
        ["a", "ai", "i", "\u{1100}\u{1161}", "\u{1100}\u{1169}"]
    );
    assert_eq!(parts(&initials("각고")), ["ㄱ\u{11A7}"]);
    assert_eq!(parts("a\nb"), ["a", "b"]);
    // Every search of one or two letters that is found is a short part of what it is found in.
    for (query, text) in [
        ("가", "각"),
        ("고", "과"),
        ("a", "AI"),
        ("r&", "R&D"),
        ("ㄱ", "각"),
    ] {
        assert!(finds(query, text), "{query} in {text}");
        let searched = [decomposed(text), initials(text)].join("\n");
        let variants = match &search_terms(query)[..] {
            [SearchTerm::Text(variants)] => variants.clone(),
            [SearchTerm::Initials(initials)] => vec![initials.clone()],
            terms => panic!("{terms:?}"),
        };
        assert!(
            variants
                .iter()
                .any(|variant| short_parts(&searched).contains(variant)),
            "{variants:?} in {searched:?}"
        );
    }
}
