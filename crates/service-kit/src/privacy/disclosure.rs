//! 「전화 보기」: what services have in common that show a customer's whole number and write down who saw it.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::problem::invalid_query;
use crate::http::problem::{Problem, Text};

/// The longest reason to look, in characters: a sentence.
pub const MAX_REASON_LENGTH: usize = 200;

/// Why somebody looks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReasonQuery {
    /// What the number is needed for, written down with who saw it and when. Its customer may read that.
    #[param(max_length = 200, example = "방문 일정 확인")]
    why: Option<String>,
}

impl ReasonQuery {
    /// The reason, where one was given.
    ///
    /// # Errors
    /// 422 for one that cannot be kept.
    pub fn read(self) -> Result<Option<String>, Problem> {
        let why = self
            .why
            .map(|why| why.trim().to_owned())
            .filter(|why| !why.is_empty());
        match &why {
            Some(why)
                if why.chars().count() > MAX_REASON_LENGTH || why.chars().any(char::is_control) =>
            {
                let ko = format!(
                    "조회 사유(why)는 제어 문자 없이 {MAX_REASON_LENGTH}자 이하로 적어 주세요"
                );
                let en = format!(
                    "why is at most {MAX_REASON_LENGTH} characters, none of them a control character"
                );
                Err(invalid_query(Text::new(ko, en)))
            }
            _ => Ok(why),
        }
    }
}

/// What the paths end in that show a whole number.
const SHOWS_A_NUMBER: &str = "/phone";

/// Whether there is a HEAD beside the GET of this path.
pub(crate) fn has_head(path: &str) -> bool {
    !path.ends_with(SHOWS_A_NUMBER)
}

/// HEAD would be answered by GET's handler, which writes down that somebody saw the number, and he would not have.
pub(crate) async fn refuse_head(request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD && !has_head(request.uri().path()) {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::ALLOW, HeaderValue::from_static("GET"))],
        )
            .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(why: &str) -> Result<Option<String>, &'static str> {
        ReasonQuery {
            why: Some(why.to_owned()),
        }
        .read()
        .map_err(|problem| problem.slug())
    }

    #[test]
    fn a_reason_is_a_sentence_that_can_be_kept() {
        assert_eq!(
            read(" 방문 일정 확인\n"),
            Ok(Some("방문 일정 확인".to_owned()))
        );
        assert_eq!(read(" "), Ok(None));
        assert!(ReasonQuery { why: None }.read().unwrap().is_none());
        assert!(read(&"가".repeat(MAX_REASON_LENGTH)).is_ok());
        for wrong in [
            "가".repeat(MAX_REASON_LENGTH + 1),
            "a\0b".to_owned(),
            "a\u{7}b".to_owned(),
            "a\nb".to_owned(),
        ] {
            assert_eq!(read(&wrong), Err("wrong-query"), "{wrong:?}");
        }
    }
}
