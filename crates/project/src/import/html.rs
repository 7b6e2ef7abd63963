//! Plain text out of what the portals send: markup removed, entities decoded, however often both
//! were encoded.

#[cfg(test)]
mod tests;

use encoding_rs::WINDOWS_1252;

/// Text that is encoded more often stays as it is.
const MAX_ROUNDS: usize = 5;

/// Of a decoded HTML entity, without `&` and `;`.
const MAX_ENTITY_LENGTH: usize = 8;

/// A text without markup and entities. `<br>` is a line break, a paragraph has an empty line
/// around it, and each item of a list is a line that starts with "- ".
pub(super) fn to_plain(text: &str) -> String {
    if !text.contains(['<', '&', '\n', '\r']) {
        return text.trim().to_owned();
    }
    let mut plain = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        let next = without_markup(&decode(&plain));
        if next == plain {
            break;
        }
        plain = next;
    }
    plain
}

/// Decodes entities until there are none left.
pub(super) fn decode(text: &str) -> String {
    let mut decoded = text.to_owned();
    for _ in 0..MAX_ROUNDS {
        if !decoded.contains('&') {
            break;
        }
        let next = decode_once(&decoded);
        if next == decoded {
            break;
        }
        decoded = next;
    }
    decoded
}

fn decode_once(text: &str) -> String {
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
    const NAMED: [(&str, char); 37] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
        ("nbsp", ' '),
        ("ensp", ' '),
        ("emsp", ' '),
        ("thinsp", ' '),
        ("zwnj", '\u{200C}'),
        ("zwj", '\u{200D}'),
        ("shy", '\u{AD}'),
        ("colon", ':'),
        ("lpar", '('),
        ("rpar", ')'),
        ("Tab", '\t'),
        ("NewLine", '\n'),
        ("middot", '·'),
        ("bull", '•'),
        ("hellip", '…'),
        ("ndash", '–'),
        ("mdash", '—'),
        ("lsquo", '‘'),
        ("rsquo", '’'),
        ("ldquo", '“'),
        ("rdquo", '”'),
        ("laquo", '«'),
        ("raquo", '»'),
        ("times", '×'),
        ("deg", '°'),
        ("plusmn", '±'),
        ("sect", '§'),
        ("sim", '∼'),
        ("rarr", '→'),
        ("copy", '©'),
        ("reg", '®'),
        ("trade", '™'),
    ];
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        // As HTML reads them: these are codes of Windows-1252.
        if let Some(byte) = u8::try_from(code)
            .ok()
            .filter(|code| (0x80..0xA0).contains(code))
        {
            let byte = [byte];
            let (letter, _) = WINDOWS_1252.decode_without_bom_handling(&byte);
            return letter.chars().next().filter(|letter| !letter.is_control());
        }
        // Not NUL or another control character.
        return char::from_u32(code)
            .filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t' | '\r'));
    }
    let is_basic = |entity: &str| entity.len() <= 4 && entity.eq_ignore_ascii_case(name);
    NAMED
        .into_iter()
        .find(|(entity, _)| *entity == name || is_basic(entity))
        .map(|(_, letter)| letter)
}

fn without_markup(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.replace("<![CDATA[", "").replace("]]>", "");
    // A comment has an end, or is text: looked for once, because every `<!--` may lack one.
    let last_comment_end = text.rfind("-->").unwrap_or_default();
    let mut lines = Lines::default();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('<') {
        lines.text(before);
        let has_comment_end = text.len() - behind.len() < last_comment_end;
        if let Some((tag, next)) = parse_tag(behind, has_comment_end) {
            rest = lines
                .tag(&tag)
                .map_or(next, |hidden| skip_content(next, hidden));
        } else {
            lines.text("<");
            rest = behind;
        }
    }
    lines.text(rest);
    lines.finish()
}

/// The name in lower case, empty for a comment.
#[derive(Debug)]
struct Tag {
    name: String,
    is_end: bool,
}

/// Elements as the portals' texts have them. Any other word between `<` and `>` is a word of the
/// text, such as the title of a programme: `<Start-up NEST>`.
const ELEMENTS: [&str; 75] = [
    "a",
    "abbr",
    "article",
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "button",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "label",
    "li",
    "link",
    "mark",
    "meta",
    "nobr",
    "noscript",
    "object",
    "ol",
    "option",
    "p",
    "pre",
    "s",
    "script",
    "section",
    "select",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "textarea",
    "th",
    "tr",
    "u",
    "ul",
];

/// Of an element, in characters.
const MAX_NAME_LENGTH: usize = 30;

/// The tag or comment that starts before `text`, and what follows it.
fn parse_tag(text: &str, has_comment_end: bool) -> Option<(Tag, &str)> {
    let comment = || Tag {
        name: String::new(),
        is_end: true,
    };
    if let Some(inside) = text.strip_prefix("!--").filter(|_| has_comment_end) {
        let (_, next) = inside.split_once("-->")?;
        return Some((comment(), next));
    }
    if text.starts_with(['!', '?']) {
        let end = end_of_tag(text)?;
        return Some((comment(), &text[end + 1..]));
    }
    let (is_end, inside) = match text.strip_prefix('/') {
        Some(inside) => (true, inside),
        None => (false, text),
    };
    let (end_of_name, _) = inside
        .char_indices()
        .take(MAX_NAME_LENGTH)
        .find(|(_, letter)| letter.is_whitespace() || matches!(letter, '/' | '>'))?;
    let name = inside[..end_of_name].to_ascii_lowercase();
    // Names with a colon are those of Word.
    let is_word = name.contains(':') && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_word && !ELEMENTS.contains(&name.as_str()) {
        return None;
    }
    let rest = &inside[end_of_name..];
    let end = end_of_tag(rest)?;
    let attributes = rest[..end].trim().trim_end_matches('/');
    (attributes.is_empty() || attributes.contains('='))
        .then(|| (Tag { name, is_end }, &rest[end + 1..]))
}

/// The position of the `>` that ends a tag: none of those within quotation marks, if these are
/// closed soon. Every search ends at the next tag, so that a text of nothing but starts of tags
/// takes no longer than another.
fn end_of_tag(text: &str) -> Option<usize> {
    const MAX_QUOTED: usize = 1024;
    let mut quote = None;
    for (at, letter) in text.char_indices().take(MAX_QUOTED) {
        match (letter, quote) {
            ('>', None) => return Some(at),
            ('<', None) => break,
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            _ => {}
        }
    }
    let end = text.find(['<', '>'])?;
    text[end..].starts_with('>').then_some(end)
}

/// What follows the content of an element that browsers do not show.
fn skip_content<'a>(text: &'a str, element: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("</") {
        let name = behind.get(..element.len());
        if name.is_some_and(|name| name.eq_ignore_ascii_case(element)) {
            return behind.split_once('>').map_or("", |(_, next)| next);
        }
        rest = behind;
    }
    ""
}

/// Builds the lines of a text from its parts.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    /// Line breaks that the markup and the text itself ask for before the next word. A source
    /// often has both, so the larger number counts.
    by_markup: usize,
    by_text: usize,
    starts_item: bool,
}

impl Lines {
    fn text(&mut self, part: &str) {
        for (index, line) in part.split('\n').enumerate() {
            self.by_text += usize::from(index > 0);
            let breaks = self.by_markup.max(self.by_text);
            let line = if breaks > 0 || self.starts_item {
                line.trim_start()
            } else {
                line
            };
            if line.is_empty() {
                continue;
            }
            if !self.text.is_empty() {
                // At most one empty line in a row.
                self.text.push_str(&"\n\n"[..breaks.min(2)]);
            }
            let has_sign =
                line.starts_with(['-', '•', '·', 'ㆍ', '○', '●', '□', '■', '▶', '☞', '*', '※']);
            if self.starts_item && !has_sign {
                self.text.push_str("- ");
            }
            self.text.push_str(line);
            (self.by_markup, self.by_text, self.starts_item) = (0, 0, false);
        }
    }

    /// Returns the name of the element if its content is not shown.
    fn tag(&mut self, tag: &Tag) -> Option<&'static str> {
        const HIDDEN: [&str; 5] = ["script", "style", "noscript", "iframe", "object"];
        match tag.name.as_str() {
            "br" => self.by_markup += 1,
            "li" if tag.is_end => self.starts_item = false,
            "li" => {
                // Items follow each other without empty lines, also if they contain paragraphs.
                self.by_markup = 1;
                self.starts_item = true;
            }
            _ if self.starts_item => {}
            "p" | "ul" | "ol" | "dl" | "table" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6"
            | "blockquote" | "pre" => self.by_markup = self.by_markup.max(2),
            "div" | "tr" | "dt" | "dd" | "hr" | "section" | "article" | "header" | "footer"
            | "caption" | "center" | "form" | "option" => self.by_markup = self.by_markup.max(1),
            "td" | "th" if !tag.is_end => self.text(" "),
            _ => {}
        }
        HIDDEN
            .into_iter()
            .find(|hidden| !tag.is_end && *hidden == tag.name)
    }

    fn finish(self) -> String {
        let lines = self.text.lines().map(str::trim_end);
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    }
}
