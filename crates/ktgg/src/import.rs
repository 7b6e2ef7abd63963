//! Imports a file of programmes through the API: upload, print the plan, commit.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Client, Response};

/// Whether to go beyond the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Commit {
    /// Apply the plan.
    pub commit: bool,
    /// Also apply rows that announce an expected edition.
    pub confirm: bool,
}

/// Rows printed per kind. With more errors the file needs repair, not a longer list.
const MAX_PRINTED_ROWS: usize = 100;

/// Stop waiting after this long without progress.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Uploads the file in a staff session, prints the plan, and commits it if asked to.
///
/// # Errors
/// When the file is refused, with the service's message, or when there is no response.
pub async fn run(
    client: &Client,
    session: &str,
    file: &Path,
    how: Commit,
    print: impl Fn(&str),
) -> Result<()> {
    let importer = Importer {
        client,
        session,
        print,
    };
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let path = format!("/api/projects/imports?name={}", percent_encoded(&name));
    let import = success(client.upload(&path, session, bytes).await?)?;
    let path = format!(
        "/api/projects/imports/{}",
        import["id"].as_str().context("an import without an id")?
    );
    importer.print_plan(&path, &import).await?;
    if how.commit {
        importer.commit(&path, &import, how.confirm).await
    } else {
        (importer.print)("nothing is imported yet: add --commit to apply this plan");
        Ok(())
    }
}

struct Importer<'a, S> {
    client: &'a Client,
    session: &'a str,
    print: S,
}

impl<S: Fn(&str)> Importer<'_, S> {
    async fn print_plan(&self, path: &str, import: &Value) -> Result<()> {
        let count = |name: &str| import["counts"][name].as_u64().unwrap_or_default();
        let [create, edit, same] = ["create", "edit", "same"].map(count);
        let [fills, error, warnings] = ["fillsPlanned", "error", "warnings"].map(count);
        (self.print)(&format!(
            "create {create}  edit {edit}  same {same}  fills an expected edition {fills}  error {error}"
        ));
        if warnings > 0 {
            (self.print)(&format!("rows with warnings ({warnings}):"));
            self.print_rows(path, "warnings=true", "warnings", warnings)
                .await?;
        }
        if fills > 0 {
            (self.print)("rows that announce an expected edition (applied with --confirm):");
            self.print_rows(path, "action=fills-planned", "", fills)
                .await?;
        }
        if error > 0 {
            (self.print)("rows that cannot be imported:");
            self.print_rows(path, "action=error", "errors", error)
                .await?;
        }
        Ok(())
    }

    /// The first rows of one kind with their `faults`, and the number of further ones.
    async fn print_rows(&self, path: &str, kind: &str, faults: &str, count: u64) -> Result<()> {
        let page = format!("{path}/rows?{kind}&limit={MAX_PRINTED_ROWS}");
        let page = self.client.get(&page, self.session).await?;
        let rows = page["items"].as_array().map_or(&[][..], Vec::as_slice);
        for line in rows.iter().flat_map(|row| row_lines(row, faults)) {
            (self.print)(&line);
        }
        let more = count.saturating_sub(u64::try_from(rows.len())?);
        if more > 0 {
            (self.print)(&format!("  and {more} more"));
        }
        Ok(())
    }

    async fn commit(&self, path: &str, import: &Value, confirm: bool) -> Result<()> {
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
        success(
            self.client
                .call(Method::POST, &commit, self.session, &headers, Some(&body))
                .await?,
        )?;
        let (mut printed, mut progressed) = (None, Instant::now());
        let done = loop {
            let import = self.client.get(path, self.session).await?;
            let (done, total) = (&import["progress"]["done"], &import["progress"]["total"]);
            if printed.as_ref() != Some(done) {
                (self.print)(&format!("{done} of {total}"));
                (printed, progressed) = (Some(done.clone()), Instant::now());
            }
            if import["state"] == "committed" {
                break import;
            }
            if progressed.elapsed() > STALL_TIMEOUT {
                bail!(
                    "no progress for {} s; the project service continues the import when it can",
                    STALL_TIMEOUT.as_secs()
                );
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        };
        let skipped = done["counts"]["skipped"].as_u64().unwrap_or_default();
        if skipped > 0 {
            (self.print)(&format!("{skipped} skipped: not confirmed"));
        }
        let (before, now) = (&import["counts"]["error"], &done["counts"]["error"]);
        if before != now {
            (self.print)("rows that were not imported:");
            self.print_rows(
                path,
                "action=error",
                "errors",
                now.as_u64().unwrap_or_default(),
            )
            .await?;
        }
        (self.print)("imported");
        Ok(())
    }
}

/// One line per error or warning of a row, or one that names it.
fn row_lines(row: &Value, faults: &str) -> Vec<String> {
    let errors = row[faults].as_array().map_or(&[][..], Vec::as_slice);
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

/// The body of a success, or the problem's message as an error.
fn success(response: Response) -> Result<Value> {
    if response.status.is_success() {
        return Ok(response.json);
    }
    match response.json["detail"]
        .as_str()
        .or(response.json["title"].as_str())
    {
        Some(sentence) => bail!("{sentence}"),
        None => bail!("refused: {}", response.status),
    }
}

/// Percent-encodes a query value.
fn percent_encoded(text: &str) -> String {
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
    fn a_name_is_percent_encoded() {
        assert_eq!(
            percent_encoded("목록 1&2.csv"),
            "%EB%AA%A9%EB%A1%9D%201%262.csv"
        );
    }

    #[test]
    fn a_row_with_errors_prints_line_column_and_message() {
        let errors = json!([
            {
                "line": 3, "column": "사업명", "columnNumber": 3, "code": "too-long",
                "message": "200자를 넘습니다",
            },
            { "line": 3, "column": "pblancUrl", "code": "not-a-link", "message": "주소가 아닙니다" },
            { "line": 3, "code": "duplicate", "message": "위에 있습니다" }
        ]);
        let lines = row_lines(&json!({ "line": 3, "errors": errors }), "errors");
        assert_eq!(
            lines,
            [
                "  line 3, column 3 사업명: 200자를 넘습니다",
                "  line 3, pblancUrl: 주소가 아닙니다",
                "  line 3: 위에 있습니다"
            ]
        );
        assert_eq!(
            row_lines(&json!({ "line": 7, "name": "하나", "errors": [] }), ""),
            ["  line 7: 하나"]
        );
        let hidden = json!([{ "line": 9, "code": "hidden-row", "message": "숨긴 행입니다" }]);
        assert_eq!(
            row_lines(
                &json!({ "line": 9, "warnings": hidden, "errors": [] }),
                "warnings"
            ),
            ["  line 9: 숨긴 행입니다"]
        );
    }
}
