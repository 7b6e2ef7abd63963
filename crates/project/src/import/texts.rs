//! Cleans texts and links of the portals for display.

use crate::project::is_web_address;

/// Of a decoded HTML entity, without `&` and `;`.
const MAX_ENTITY_LENGTH: usize = 8;

/// A text of one line: entities decoded, every run of blanks one blank.
pub(super) fn line(text: &str) -> String {
    let text = decode_entities(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text of many lines without tags. `<br>` and paragraphs become line breaks, links their words.
pub(super) fn prose(text: &str) -> String {
    // The tags themselves may be written as entities.
    let text = decode_entities(text)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let text = decode_entities(&without_markdown_links(&without_tags(&text)));
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        // At most one empty line in a row.
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// A link with a scheme, taken out of markdown, on `host` if it names none. Empty without a link.
pub(super) fn link(text: &str, host: &str) -> String {
    let text = line(text);
    let text = match text.split_once("](") {
        Some((_, target)) => target.split_once(')').map_or(target, |(target, _)| target),
        None => &text,
    };
    let text = text.trim().trim_matches(['<', '>']);
    if text.is_empty() || text == "-" {
        String::new()
    } else if text.contains(' ') {
        // Not an address: refused by the check of the draft.
        text.to_owned()
    } else if is_web_address(text) {
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        format!("{}:{rest}", scheme.to_ascii_lowercase())
    } else if let Some(rest) = text.strip_prefix("//") {
        format!("https://{rest}")
    } else if text.starts_with('/') {
        format!("https://{host}{text}")
    } else if text.contains("://") {
        // Another scheme: refused by the check of the draft.
        text.to_owned()
    } else {
        format!("https://{text}")
    }
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

fn decode_entities(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = behind
            .char_indices()
            .take(MAX_ENTITY_LENGTH + 1)
            .find(|(_, letter)| *letter == ';');
        if let Some((letter, next)) =
            entity.and_then(|(at, _)| Some((decode_entity(&behind[..at])?, &behind[at + 1..])))
        {
            decoded.push(letter);
            rest = next;
        } else {
            decoded.push('&');
            rest = behind;
        }
    }
    decoded.push_str(rest);
    decoded
}

fn decode_entity(name: &str) -> Option<char> {
    const NAMED: [(&str, char); 21] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("middot", '·'),
        ("bull", '•'),
        ("hellip", '…'),
        ("ndash", '–'),
        ("mdash", '—'),
        ("lsquo", '‘'),
        ("rsquo", '’'),
        ("ldquo", '“'),
        ("rdquo", '”'),
        ("times", '×'),
        ("deg", '°'),
        ("sim", '∼'),
        ("rarr", '→'),
        ("copy", '©'),
        ("reg", '®'),
    ];
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        // Not NUL or another control character.
        return char::from_u32(code)
            .filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t' | '\r'));
    }
    NAMED
        .into_iter()
        .find(|(entity, _)| *entity == name)
        .map(|(_, letter)| letter)
}

/// `<` starts a tag only before a letter, `/` or `!`, so "3 < 5" stays.
fn without_tags(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        bare.push_str(before);
        let is_tag = behind.starts_with(|letter: char| {
            letter.is_ascii_alphabetic() || matches!(letter, '/' | '!')
        });
        if let Some((tag, next)) = behind.split_once('>').filter(|_| is_tag) {
            let name: String = tag
                .trim_start_matches('/')
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            if matches!(
                name.to_ascii_lowercase().as_str(),
                "br" | "p" | "div" | "li" | "tr" | "ul" | "ol" | "table"
            ) {
                bare.push('\n');
            }
            rest = next;
        } else {
            bare.push('<');
            rest = behind;
        }
    }
    bare.push_str(rest);
    bare
}

/// Replaces `[words](target)` by its words.
fn without_markdown_links(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("](") {
        let words = before.rfind('[');
        let target = behind
            .split_once(')')
            .filter(|(target, _)| !target.contains(char::is_whitespace));
        if let (Some(at), Some((_, next))) = (words, target) {
            bare.push_str(&before[..at]);
            bare.push_str(&before[at + 1..]);
            rest = next;
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
