//! Cleans texts and links of the portals for display.

use service_kit::forms::text;

use super::html;

/// A text of one line without markup.
pub(super) fn line(text: &str) -> String {
    text::clean_line(&html::to_plain(text))
}

/// A text of many lines without markup. Links are their words.
pub(super) fn prose(text: &str) -> String {
    let text = without_markdown_links(&html::to_plain(text));
    let text = text::clean(&text);
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        // At most one empty line in a row.
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// A link with a scheme, taken out of markdown or HTML, on `host` if it names none. Empty without
/// a link. A text that is no address stays: the check of the draft refuses it.
pub(super) fn link(text: &str, host: &str) -> String {
    let text = text::clean_line(&html::decode(text));
    let text = match text.split_once("](") {
        Some((_, target)) => target.split_once(')').map_or(target, |(target, _)| target),
        None => href(&text).unwrap_or(&text),
    };
    let text = text.trim().trim_matches(['<', '>']);
    if text.is_empty() || text == "-" {
        String::new()
    } else if text.contains(' ') {
        text.to_owned()
    } else if let Some((scheme, rest)) = scheme(text) {
        format!("{}:{rest}", scheme.to_ascii_lowercase())
    } else if let Some(rest) = text.strip_prefix("//") {
        format!("https://{rest}")
    } else if text.starts_with('/') {
        format!("https://{host}{text}")
    } else {
        format!("https://{text}")
    }
}

/// The target of the first link in HTML.
fn href(html: &str) -> Option<&str> {
    let (_, value) = html.strip_prefix('<')?.split_once("href=")?;
    let quote = value.chars().next().filter(|sign| "\"'".contains(*sign))?;
    value[1..].split_once(quote).map(|(target, _)| target)
}

/// The scheme of an address and what follows its colon. `a.kr:8080` has a port instead.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_port = scheme.contains('.') && rest.starts_with(|digit: char| digit.is_ascii_digit());
    (is_scheme && !is_port).then_some((scheme, rest))
}

/// Whether a link leads to that domain or one of its subdomains.
pub(super) fn leads_to(link: &str, site: &str) -> bool {
    let behind_scheme = link.split_once("://").map_or(link, |(_, rest)| rest);
    let authority = behind_scheme
        .split(['/', '?', '#', '\\'])
        .next()
        .unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    host == site
        || host
            .strip_suffix(site)
            .is_some_and(|subdomain| subdomain.ends_with('.'))
}

/// The value of a query parameter of a link.
pub(super) fn parameter<'a>(link: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = link.split_once('?')?;
    let query = query.split('#').next().unwrap_or(query);
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Of the target of a link in markdown, in characters.
const MAX_ADDRESS_LENGTH: usize = 2000;

/// Replaces `[words](target)` by its words.
fn without_markdown_links(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("](") {
        let words = before.rfind('[');
        let mut target = behind.char_indices().take(MAX_ADDRESS_LENGTH);
        let end = target.find(|(_, letter)| *letter == ')' || letter.is_whitespace());
        if let (Some(at), Some((end, ')'))) = (words, end) {
            bare.push_str(&before[..at]);
            bare.push_str(&before[at + 1..]);
            rest = &behind[end + 1..];
        } else {
            bare.push_str(before);
            bare.push_str("](");
            rest = behind;
        }
    }
    bare.push_str(rest);
    bare
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::project::is_web_address;

    #[test]
    fn line_decodes_entities_and_joins_blanks() {
        assert_eq!(
            line("  R&amp;D&nbsp;지원 &lt;2차&gt;\r\n 공고 &#39;24 &#x27; "),
            "R&D 지원 <2차> 공고 '24 '"
        );
        assert_eq!(
            line("R&D; A&B &unknown; &; &#0; &#99999999;"),
            "R&D; A&B &unknown; &; &#0; &#99999999;"
        );
        assert_eq!(
            line("<b>강조</b><br>\u{202E}하나 <초격차>"),
            "강조 하나 <초격차>"
        );
    }

    #[test]
    fn prose_has_lines_and_no_tags() {
        let text = "&lt;p&gt;지원 &amp;amp; 육성&lt;/p&gt;<br/>\r\n\r\n\r\n\
            * 대상: [창업자](https://a.kr/b)<b>만</b>\r\n3 < 5";
        assert_eq!(prose(text), "지원 & 육성\n\n* 대상: 창업자만\n3 < 5");
        assert_eq!(prose("[a](b c) <a"), "[a](b c) <a");
    }

    #[test]
    fn link_gets_a_scheme() {
        let on = |text| link(text, "www.bizinfo.go.kr");
        assert_eq!(
            on("www.k-startup.go.kr/x?pbancSn=1&amp;y=2"),
            "https://www.k-startup.go.kr/x?pbancSn=1&y=2"
        );
        assert_eq!(on("[바로가기](http://a.kr/b)"), "http://a.kr/b");
        assert_eq!(on("//a.kr/b"), "https://a.kr/b");
        assert_eq!(
            on("/sii/x.do?pblancId=1"),
            "https://www.bizinfo.go.kr/sii/x.do?pblancId=1"
        );
        assert_eq!(on("https://a.kr"), "https://a.kr");
        assert_eq!((on(""), on(" - ")), (String::new(), String::new()));
        assert_eq!(on("ftp://a.kr"), "ftp://a.kr");
        assert_eq!(on("HTTP://a.kr/B"), "http://a.kr/B");
        assert_eq!(on("누리집 참조 a.kr"), "누리집 참조 a.kr");
        assert_eq!(on("a.kr:8080/b"), "https://a.kr:8080/b");
        assert_eq!(on("<a href=\"https://a.kr/b\">보기</a>"), "https://a.kr/b");
    }

    #[test]
    fn script_is_no_link_however_it_is_hidden() {
        for text in [
            "javascript:alert(1)",
            " JaVaScript:alert(1)",
            "java\tscript:alert(1)",
            "java&#10;script:alert(1)",
            "&#x6A;avascript&colon;alert(1)",
            "&amp;#106;avascript:alert(1)",
            "java\u{200B}script:alert(1)",
            "[보기](javascript:alert(1))",
            "<a href='javascript:alert(1)'>보기</a>",
            "data:text/html,<script>",
            "vbscript:msgbox",
            "\u{1}javascript:alert(1)",
            "https://javascript:alert(1)",
        ] {
            let link = link(text, "a.kr");
            assert!(!is_web_address(&link), "{text:?} became {link}");
        }
    }

    #[test]
    fn only_the_host_of_a_link_decides_its_site() {
        for (link, leads) in [
            ("https://www.bizinfo.go.kr/x", true),
            ("http://BIZINFO.go.kr:80?x", true),
            ("https://example.com/?at=bizinfo.go.kr", false),
            ("https://bizinfo.go.kr@example.com/", false),
            ("https://otherbizinfo.go.kr/", false),
            ("https://bizinfo.go.kr.example.com/", false),
            ("", false),
        ] {
            assert_eq!(leads_to(link, "bizinfo.go.kr"), leads, "{link}");
        }
    }

    #[test]
    fn parameter_is_found_by_its_full_name() {
        assert_eq!(
            parameter("https://a.kr/b?xpblancId=1&pblancId=PBLN_2#c", "pblancId"),
            Some("PBLN_2")
        );
        assert_eq!(parameter("https://a.kr/pblancId=1", "pblancId"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_cleaned_without_panic(text in "(\\PC|[<>&;\\[\\]()#a-z가\r\n]){0,60}") {
            let (line, prose) = (line(&text), prose(&text));
            prop_assert!(!line.contains('\n') && !line.contains("  "));
            prop_assert_eq!(prose.trim_end(), &prose);
            link(&text, "a.kr");
        }
    }
}
