//! `If-Match` (RFC 9110, 13.1.1).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use utoipa::IntoParams;

use crate::http::problem::{Problem, Text};

/// The versions that a change may be based on. 428 without the header, and 400 for one that is not
/// `*` or a list of entity tags. `params(IfMatch)` describes it.
#[derive(Debug, Clone, PartialEq, Eq, IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
pub struct IfMatch(
    /// The `ETag` of the version that the change is based on, or `*` for any.
    #[param(value_type = String)]
    Versions,
);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Versions {
    Any,
    /// Those of the tags that name a version. The others match none: weak tags, and tags that are
    /// not ours.
    Listed(Vec<i64>),
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let lines: Vec<&[u8]> = parts
            .headers
            .get_all(header::IF_MATCH)
            .into_iter()
            .map(axum::http::HeaderValue::as_bytes)
            .collect();
        if lines.is_empty() {
            return Err(if_match_required());
        }
        // Several lines are one list (RFC 9110, 5.3).
        parse(&lines.join(&b","[..]))
            .map(Self)
            .ok_or_else(wrong_if_match)
    }
}

impl IfMatch {
    /// Whether the change is based on the current version.
    pub fn allows(&self, current: i64) -> bool {
        match &self.0 {
            Versions::Any => true,
            Versions::Listed(versions) => versions.contains(&current),
        }
    }
}

/// `None` for a malformed value.
fn parse(value: &[u8]) -> Option<Versions> {
    let mut rest = value.trim_ascii();
    if rest == b"*" {
        return Some(Versions::Any);
    }
    let mut versions = Vec::new();
    let mut has_tag = false;
    // Elements of a list may be empty (RFC 9110, 5.6.1.2).
    while !rest.is_empty() {
        if let Some(next) = rest.strip_prefix(b",") {
            rest = next.trim_ascii_start();
            continue;
        }
        let strong = rest.strip_prefix(b"W/");
        let is_weak = strong.is_some();
        let opened = strong.unwrap_or(rest).strip_prefix(b"\"")?;
        let end = opened.iter().position(|byte| *byte == b'"')?;
        let (tag, closed) = opened.split_at(end);
        if !tag.iter().all(|byte| is_tag_byte(*byte)) {
            return None;
        }
        has_tag = true;
        if !is_weak {
            versions.extend(version(tag));
        }
        rest = closed[1..].trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return None;
        }
    }
    has_tag.then_some(Versions::Listed(versions))
}

/// `etagc`.
fn is_tag_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7E | 0x80..)
}

/// The version of a tag as we write it: `+4` and `04` are other tags than `4`.
fn version(tag: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(tag).ok()?;
    text.parse()
        .ok()
        .filter(|version: &i64| version.to_string() == text)
}

/// 428.
pub(crate) fn if_match_required() -> Problem {
    let title = Text::new(
        "If-Match 헤더로 고칠 버전을 보내 주세요",
        "Send If-Match with the version that you change",
    );
    Problem::new(
        StatusCode::PRECONDITION_REQUIRED,
        "if-match-required",
        title,
    )
}

/// 400.
pub(crate) fn wrong_if_match() -> Problem {
    let title = Text::new(
        "If-Match 헤더는 \"3\"처럼 큰따옴표로 묶은 버전이나 *로 보내 주세요",
        "If-Match must be versions in double quotes, such as \"3\", or *",
    );
    Problem::new(StatusCode::BAD_REQUEST, "wrong-if-match", title)
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use proptest::prelude::*;

    use super::*;

    fn listed(versions: &[i64]) -> Versions {
        Versions::Listed(versions.to_vec())
    }

    #[test]
    fn star_and_lists_of_tags_are_read() {
        assert_eq!(parse(b" * "), Some(Versions::Any));
        for (value, versions) in [
            (r#""3""#, &[3][..]),
            (r#""3","4" , "5""#, &[3, 4, 5]),
            (r#", "3",, "4","#, &[3, 4]),
            ("\t\"3\"\t,\t\"4\"", &[3, 4]),
            (r#"W/"3""#, &[]),
            (r#"W/"3", "4""#, &[4]),
            (r#""""#, &[]),
            (r#""abc,def""#, &[]),
            (r#""+3", "03", "-0""#, &[]),
            (r#""99999999999999999999""#, &[]),
            ("\"\u{e9}\"", &[]),
        ] {
            assert_eq!(parse(value.as_bytes()), Some(listed(versions)), "{value}");
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for value in [
            "",
            " ",
            ",",
            "3",
            r#""3"#,
            r#"3""#,
            r#""3" "4""#,
            r#""3"4"#,
            r#""3";"4""#,
            "'3'",
            r#"w/"3""#,
            r#"W/ "3""#,
            "W/3",
            r#"*, "3""#,
            r#""3", *"#,
            "**",
            r#""3 ""#,
            "\"\u{7f}\"",
        ] {
            assert_eq!(parse(value.as_bytes()), None, "{value}");
        }
    }

    #[tokio::test]
    async fn header_may_have_several_lines() {
        let read = async |lines: &[&str]| {
            let mut request = Request::get("/");
            for line in lines {
                request = request.header(header::IF_MATCH, *line);
            }
            let mut parts = request.body(()).unwrap().into_parts().0;
            IfMatch::from_request_parts(&mut parts, &())
                .await
                .map_err(|problem| (problem.status().as_u16(), problem.slug()))
        };
        let either = read(&[r#""3", W/"5""#, r#""4""#]).await.unwrap();
        assert_eq!(
            [3, 4, 5].map(|version| either.allows(version)),
            [true, true, false]
        );
        assert!(read(&["*"]).await.unwrap().allows(7));
        assert_eq!(read(&[]).await, Err((428, "if-match-required")));
        assert_eq!(read(&["3"]).await, Err((400, "wrong-if-match")));
        assert_eq!(read(&["*", r#""3""#]).await, Err((400, "wrong-if-match")));
    }

    /// A tag, whether it is weak, and its version.
    fn tag() -> impl Strategy<Value = (String, bool, Option<i64>)> {
        let text = prop_oneof![
            any::<i64>().prop_map(|version| (version.to_string(), Some(version))),
            "[a-z,*/W!#-]{0,5}".prop_map(|text| (text, None)),
        ];
        (text, any::<bool>()).prop_map(|((text, version), is_weak)| (text, is_weak, version))
    }

    proptest! {
        #[test]
        fn written_list_is_read_back(
            tags in prop::collection::vec((tag(), "[ \t]{0,2}(,[ \t]{0,2}){1,3}"), 1..6),
        ) {
            let mut value = String::new();
            for ((text, is_weak, _), separator) in &tags {
                value.push_str(if *is_weak { "W/" } else { "" });
                value.extend(["\"", text, "\"", separator]);
            }
            let versions: Vec<i64> = tags
                .iter()
                .filter_map(|((_, is_weak, version), _)| version.filter(|_| !is_weak))
                .collect();
            prop_assert_eq!(parse(value.as_bytes()), Some(Versions::Listed(versions)));
        }

        #[test]
        fn any_value_is_read_or_refused(value in prop::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b' '), Just(b'*'), Just(b'W'), Just(b'/'),
                b'0'..=b'9', any::<u8>()],
            0..12,
        )) {
            if let Some(Versions::Listed(versions)) = parse(&value) {
                let quotes = value.split(|byte| *byte == b'"').count() - 1;
                prop_assert!(quotes >= 2 && quotes % 2 == 0);
                prop_assert!(versions.len() <= quotes / 2);
            }
        }
    }
}
