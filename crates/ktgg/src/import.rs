//! A file of programmes, imported as staff do: send it, look at the plan, have it carried out.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Client, TestResponse};

/// Whether more is wanted than the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Commit {
    /// Carry the plan out.
    pub commit: bool,
    /// Confirm what is taken for the announcement of an expected edition.
    pub confirm: bool,
}

/// How many rows of one kind are printed: who has more wants the file mended, and not a list.
const SHOWN: usize = 100;

/// How long nothing may move before it is no longer watched.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Sends the file as whoever of staff the session is, prints the plan, and has it carried out if that is wanted.
///
/// # Errors
/// When the file is refused, with the service's own sentence, or when nobody answers.
pub async fn run(
    client: &Client,
    session: &str,
    file: &Path,
    how: Commit,
    say: impl Fn(&str),
) -> Result<()> {
    let importer = Importer {
        client,
        session,
        say,
    };
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let path = format!("/api/projects/imports?name={}", encoded(&name));
    let import = allowed(client.upload(&path, session, bytes).await?)?;
    let path = format!(
        "/api/projects/imports/{}",
        import["id"].as_str().context("an import without an id")?
    );
    importer.print_plan(&path, &import).await?;
    if how.commit {
        importer.carry_out(&path, &import, how.confirm).await
    } else {
        (importer.say)("nothing is imported yet: add --commit to carry this out");
        Ok(())
    }
}

struct Importer<'a, S> {
    client: &'a Client,
    session: &'a str,
    say: S,
}

impl<S: Fn(&str)> Importer<'_, S> {
    async fn print_plan(&self, path: &str, import: &Value) -> Result<()> {
        let count = |name: &str| import["counts"][name].as_u64().unwrap_or_default();
        (self.say)(&format!(
            "create {}  edit {}  same {}  fills an expected edition {}  error {}",
            count("create"),
            count("edit"),
            count("same"),
            count("fillsPlanned"),
            count("error")
        ));
        if count("warnings") > 0 {
            (self.say)(&format!(
                "{} rows are to be looked at: see the warnings of GET {path}/rows",
                count("warnings")
            ));
        }
        if count("fillsPlanned") > 0 {
            (self.say)("announcements of expected editions (carried out with --confirm):");
            self.print_rows(path, "fills-planned", count("fillsPlanned"))
                .await?;
        }
        if count("error") > 0 {
            (self.say)("rows that cannot be imported:");
            self.print_rows(path, "error", count("error")).await?;
        }
        Ok(())
    }

    /// The first rows of one kind, and how many more there are.
    async fn print_rows(&self, path: &str, action: &str, count: u64) -> Result<()> {
        let page = format!("{path}/rows?action={action}&limit={SHOWN}");
        let page = self.client.get(&page, self.session).await?;
        let rows = page["items"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for line in rows.iter().flat_map(row_lines) {
            (self.say)(&line);
        }
        let more = count.saturating_sub(u64::try_from(rows.len())?);
        if more > 0 {
            (self.say)(&format!("  and {more} more"));
        }
        Ok(())
    }

    async fn carry_out(&self, path: &str, import: &Value, confirm: bool) -> Result<()> {
        let (version, id) = (
            import["version"].to_string(),
            import["id"].as_str().unwrap_or_default(),
        );
        let headers = [
            ("if-match", &*format!("\"{version}\"")),
            ("idempotency-key", id),
        ];
        let body = if confirm {
            json!({ "confirm": "all" })
        } else {
            json!({ "confirm": [] })
        };
        let commit = format!("{path}/commit");
        allowed(
            self.client
                .call(Method::POST, &commit, self.session, &headers, Some(&body))
                .await?,
        )?;
        let (mut told, mut moved) = (None, Instant::now());
        let done = loop {
            let import = self.client.get(path, self.session).await?;
            let (done, total) = (&import["progress"]["done"], &import["progress"]["total"]);
            if told.as_ref() != Some(done) {
                (self.say)(&format!("{done} of {total}"));
                (told, moved) = (Some(done.clone()), Instant::now());
            }
            if import["state"] == "committed" {
                break import;
            }
            if moved.elapsed() > PATIENCE {
                bail!(
                    "nothing moved for {} s; the import goes on by itself once the project service can",
                    PATIENCE.as_secs()
                );
            }
            tokio::time::sleep(LOOK).await;
        };
        let skipped = done["counts"]["skipped"].as_u64().unwrap_or_default();
        if skipped > 0 {
            (self.say)(&format!("{skipped} skipped: nobody confirmed them"));
        }
        let (before, now) = (&import["counts"]["error"], &done["counts"]["error"]);
        if before != now {
            (self.say)("rows that were not carried out:");
            self.print_rows(path, "error", now.as_u64().unwrap_or_default())
                .await?;
        }
        (self.say)("imported");
        Ok(())
    }
}

/// A line for each thing that is wrong with a row, or one that names it.
fn row_lines(row: &Value) -> Vec<String> {
    let errors = row["errors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if errors.is_empty() {
        return vec![format!(
            "  line {}: {}",
            row["line"],
            row["name"].as_str().unwrap_or_default()
        )];
    }
    let line = |error: &Value| {
        let column = match (error["column"].as_str(), error["columnNumber"].as_u64()) {
            (Some(name), Some(number)) => format!(", column {number} {name}"),
            (Some(name), None) => format!(", {name}"),
            (None, _) => String::new(),
        };
        format!(
            "  line {}{column}: {}",
            error["line"],
            error["message"].as_str().unwrap_or_default()
        )
    };
    errors.iter().map(line).collect()
}

/// The answer's body, or the sentence of the problem.
fn allowed(answer: TestResponse) -> Result<Value> {
    if answer.status.is_success() {
        return Ok(answer.json);
    }
    match answer.json["detail"]
        .as_str()
        .or(answer.json["title"].as_str())
    {
        Some(sentence) => bail!("{sentence}"),
        None => bail!("refused: {}", answer.status),
    }
}

/// A text as a part of a query.
fn encoded(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes()
        .map(|byte| {
            if is_plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_the_query() {
        assert_eq!(encoded("목록 1&2.csv"), "%EB%AA%A9%EB%A1%9D%201%262.csv");
    }

    #[test]
    fn a_row_tells_line_column_and_why() {
        let errors = json!([
            { "line": 3, "column": "사업명", "columnNumber": 3, "code": "too-long", "message": "200자를 넘습니다" },
            { "line": 3, "column": "pblancUrl", "code": "not-a-link", "message": "주소가 아닙니다" },
            { "line": 3, "code": "duplicate", "message": "위에 있습니다" }
        ]);
        let lines = row_lines(&json!({ "line": 3, "errors": errors }));
        assert_eq!(
            lines,
            [
                "  line 3, column 3 사업명: 200자를 넘습니다",
                "  line 3, pblancUrl: 주소가 아닙니다",
                "  line 3: 위에 있습니다"
            ]
        );
        assert_eq!(
            row_lines(&json!({ "line": 7, "name": "하나", "errors": [] })),
            ["  line 7: 하나"]
        );
    }
}
