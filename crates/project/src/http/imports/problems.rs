//! Import errors as problems, and lookups that answer 404.

use axum::http::StatusCode;
use service_kit::Problem;
use service_kit::http::body::too_large;
use service_kit::http::problem::Text;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::import::{ImportError, MAX_FILE_SIZE};
use crate::store::imports::{self, Import, ImportState};

/// One example of each problem.
pub(in crate::http) fn examples() -> Vec<Problem> {
    vec![
        ImportError::OldWorkbook.into(),
        ImportError::CutOff { line: 813 }.into(),
        ImportError::TooLarge.into(),
        not_planned(ImportState::Committing),
    ]
}

/// The import, or 404.
pub(super) async fn load_import(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Import, Problem> {
    let found = imports::load(connection, id).await?;
    found.ok_or_else(Problem::not_found)
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let problem = match error {
            ImportError::TooLarge => too_large(MAX_FILE_SIZE),
            _ => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong-file",
                Text::new("가져올 수 없는 파일입니다", "This file cannot be imported"),
            ),
        };
        let problem = problem
            .detail(error.sentence())
            .with("reason", error.reason());
        match error {
            ImportError::CutOff { line }
            | ImportError::EndlessRow { line }
            | ImportError::NotJson { line } => problem.with("line", line),
            ImportError::MissingColumns(missing) => problem.with("missing", missing),
            _ => problem,
        }
    }
}

pub(super) fn not_planned(state: ImportState) -> Problem {
    let title = match state {
        ImportState::Receiving => Text::new(
            "파일을 아직 받고 있습니다",
            "The file is still being received",
        ),
        ImportState::Planned | ImportState::Committing => {
            Text::new("이미 가져오고 있습니다", "It is already being imported")
        }
        ImportState::Committed => Text::new("이미 가져왔습니다", "It was already imported"),
    };
    Problem::conflict("import-not-planned", title).with("state", state.as_str())
}
