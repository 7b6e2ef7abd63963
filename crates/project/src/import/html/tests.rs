use proptest::prelude::*;

use super::*;

#[test]
fn paragraphs_breaks_and_lists_keep_their_lines() {
    for (html, plain) in [
        ("<p>첫째</p>\r\n<p>둘째</p>", "첫째\n\n둘째"),
        ("가<br>나<br/>\r\n다<BR />라", "가\n나\n다\n라"),
        ("가<br><br>나", "가\n\n나"),
        ("가\n나\n\n\n다", "가\n나\n\n다"),
        (
            "<p>대상</p><ul><li>창업자</li>\n<li><p>벤처</p></li><li>- 소상공인</li></ul>문의",
            "대상\n- 창업자\n- 벤처\n- 소상공인\n\n문의",
        ),
        (
            "<table><tr><th>기간</th><td>3월</td></tr><tr><td>끝</td></tr></table>",
            "기간 3월\n끝",
        ),
        ("<div>가</div><div>나</div>", "가\n나"),
        ("<b>굵은</b> 글 <span style='a>b'>색</span>", "굵은 글 색"),
    ] {
        assert_eq!(to_plain(html), plain, "{html}");
    }
}

#[test]
fn markup_encoded_twice_is_removed_with_what_it_hides() {
    for (html, plain) in [
        ("&amp;lt;b&amp;gt;강조&amp;lt;/b&amp;gt;", "강조"),
        ("&amp;amp;amp;#40;재&amp;#41;", "(재)"),
        ("앞<script>alert('<b>')</script>뒤", "앞뒤"),
        ("앞&lt;STYLE type=\"a\"&gt;p{}&lt;/style &gt;뒤", "앞뒤"),
        ("앞<script>alert(1)", "앞"),
        ("앞<!-- <b> -->뒤<o:p></o:p><?xml a?>", "앞뒤"),
        ("<![CDATA[본문]]>", "본문"),
        ("<a href=\"x\" onclick='y'>말</a>", "말"),
        ("<scr<b></b>ipt>", ""),
    ] {
        assert_eq!(to_plain(html), plain, "{html}");
    }
}

#[test]
fn words_between_angle_brackets_stay() {
    for text in [
        "<초격차> 지원",
        "<Start-up NEST> 3 < 5",
        "<2차> a<b",
        "<Link Up> <p",
        "&unknown; &; A&B &#0;",
    ] {
        assert_eq!(to_plain(text), text);
    }
}

/// Takes minutes if any search starts again from each of these.
#[test]
fn long_texts_of_broken_markup_are_read_in_one_pass() {
    for part in [
        "<!--",
        "<a ",
        "<a '>'",
        "<a href=",
        "<a \"",
        "<script></script>",
        "<script",
        "</",
        "<!",
        "&#",
        "<li>",
        "](",
    ] {
        let text = part.repeat(100_000 / part.len());
        assert!(to_plain(&text).len() <= text.len() * 2, "{part}");
    }
}

#[test]
fn codes_of_windows_are_decoded_as_browsers_do() {
    assert_eq!(decode("&#150;&#147;&NBSP;&AMP;"), "–“ &");
}

proptest! {
    #[test]
    fn any_text_becomes_plain_without_panic(
        text in "(\\PC|[<>&;/!=\"' \r\n-]|<li>|<p>|</p>|<br>|<script>|&lt;|&amp;){0,40}"
    ) {
        let plain = to_plain(&text);
        prop_assert!(!plain.contains("<p>") && !plain.contains("\n\n\n"));
    }
}
