//! The file of an upload: the body itself, or the one file of a form (`multipart/form-data`).

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyDataStream, BodyExt as _};
use multer::{Constraints, Field, Multipart, SizeLimit, parse_boundary};
use service_kit::Problem;
use service_kit::forms::text;
use service_kit::http::body::incomplete_body;

use crate::import::{ImportError, MAX_FILE_SIZE};

/// In characters.
pub(super) const MAX_NAME_LENGTH: usize = 200;

/// Around the file in a form: its other fields and the lines between them.
const MAX_FORM_OVERHEAD: u64 = 512 * 1024;

/// The file, whose bytes arrive one part after the other.
pub(super) enum UploadedFile {
    Body(Body),
    Form {
        form: Multipart<'static>,
        /// `None` at its end.
        file: Option<Box<Field<'static>>>,
    },
}

impl UploadedFile {
    /// Finds the file in the body.
    ///
    /// # Errors
    /// When a form contains none, or cannot be read.
    pub(super) async fn open(headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let content_type = headers.get(header::CONTENT_TYPE);
        let content_type = content_type.map_or("", |value| value.to_str().unwrap_or_default());
        let is_form = content_type
            .get(..10)
            .is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
        if !is_form {
            return Ok(Self::Body(body));
        }
        let boundary = parse_boundary(content_type).map_err(form_problem)?;
        let limit = SizeLimit::new().whole_stream(MAX_FILE_SIZE as u64 + MAX_FORM_OVERHEAD);
        let constraints = Constraints::new().size_limit(limit);
        let stream = BodyDataStream::new(body);
        let mut form = Multipart::with_constraints(stream, boundary, constraints);
        match next_file(&mut form).await? {
            Some(file) => Ok(Self::Form {
                form,
                file: Some(Box::new(file)),
            }),
            None => Err(ImportError::NoFile.into()),
        }
    }

    /// The name that a form gives, without folders.
    pub(super) fn name(&self) -> Option<String> {
        let Self::Form { file, .. } = self else {
            return None;
        };
        let name = file.as_ref()?.file_name()?;
        let name = text::clean_line(name.rsplit(['/', '\\']).next()?);
        let printable = name.chars().filter(|letter| !letter.is_control());
        let name: String = printable.take(MAX_NAME_LENGTH).collect();
        (!name.is_empty()).then_some(name)
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the body is incomplete, or a form contains a second file.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        match self {
            Self::Body(body) => loop {
                match body.frame().await {
                    None => return Ok(None),
                    Some(Err(_)) => return Err(incomplete_body()),
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Ok(Some(data));
                        }
                    }
                }
            },
            Self::Form { form, file } => {
                let Some(part) = file else {
                    return Ok(None);
                };
                if let Some(data) = part.chunk().await.map_err(form_problem)? {
                    return Ok(Some(data));
                }
                *file = None;
                match next_file(form).await? {
                    Some(_) => Err(ImportError::SeveralFiles.into()),
                    None => Ok(None),
                }
            }
        }
    }
}

/// The next part that is a file. Browsers send a part without a name where none was chosen.
async fn next_file(form: &mut Multipart<'static>) -> Result<Option<Field<'static>>, Problem> {
    while let Some(part) = form.next_field().await.map_err(form_problem)? {
        let is_file = match part.file_name() {
            Some(name) => !name.is_empty(),
            None => part.name() == Some("file"),
        };
        if is_file {
            return Ok(Some(part));
        }
    }
    Ok(None)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is the last argument of map_err"
)]
fn form_problem(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { .. } => ImportError::TooLarge.into(),
        multer::Error::StreamReadFailed(_)
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteFieldData { .. } => incomplete_body(),
        _ => ImportError::BrokenForm.into(),
    }
}
