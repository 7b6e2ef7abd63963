//! How a file arrives: as the body, in a form, and as a workbook.

use std::io::{Cursor, Write as _};

use axum::http::Method;
use serde_json::{Value, json};
use service_kit::testing::{TestApp, TestResponse};

use crate::import_plan::{carry_out, commit, count, counts, csv, import, path, plan, row, rows_of};
use crate::start;

const FORM: &str = "multipart/form-data; boundary=----ktgg";

/// A form of these parts: a name, an optional file name, and the content.
fn form(parts: &[(&str, Option<&str>, &str)]) -> Vec<u8> {
    let part = |(name, file, content): &(&str, Option<&str>, &str)| {
        let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
        format!(
            "------ktgg\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n\
             {content}\r\n"
        )
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    format!("{}------ktgg--\r\n", parts.concat()).into_bytes()
}

async fn upload(app: &TestApp, query: &str, body: Vec<u8>) -> TestResponse {
    let path = format!("/projects/imports{query}");
    app.as_staff()
        .send(Method::POST, &path, &[("content-type", FORM)], body)
        .await
}

fn two_rows() -> String {
    csv(&[
        row(1, "2026년 수출바우처", "2026-11-02", "2026-12-11"),
        row(2, "2026년 창업패키지", "2026-11-02", "2026-12-31"),
    ])
}

/// A workbook whose only sheet has these rows of texts. The second row is hidden.
fn workbook(rows: &[Vec<&str>]) -> Vec<u8> {
    let relationships = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relationship = |kind: &str, target: &str| {
        format!(
            "<Relationships><Relationship Id=\"r\" Type=\"{relationships}/{kind}\" \
             Target=\"{target}\"/></Relationships>"
        )
    };
    let cell = |text: &&str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let rows = rows.iter().enumerate().map(|(index, cells)| {
        let cells: String = cells.iter().map(cell).collect();
        let hidden = u8::from(index == 1);
        format!("<row hidden=\"{hidden}\">{cells}</row>")
    });
    let rows: String = rows.collect();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("[Content_Types].xml", "<Types/>".to_owned()),
        (
            "_rels/.rels",
            relationship("officeDocument", "xl/workbook.xml"),
        ),
        (
            "xl/workbook.xml",
            "<workbook><sheets><sheet name=\"목록\" id=\"r\"/></sheets></workbook>".to_owned(),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            relationship("worksheet", "worksheets/sheet1.xml"),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ] {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(name, options).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn form_with_one_file_is_planned_like_the_file() {
    let app = start().await;
    let body = form(&[
        ("note", None, "메모"),
        ("upload", Some("C:\\\\목\u{202E}록.csv"), &two_rows()),
        ("empty", Some(""), ""),
    ]);
    let planned = upload(&app, "", body.clone()).await.expect(201);
    assert_eq!(planned["counts"], counts(2, 0, 0, 0, 0));
    assert_eq!(planned["name"], "목록.csv");
    let named = upload(&app, "?name=%EB%AA%A9%EB%A1%9D", body)
        .await
        .expect(201);
    assert_eq!(named["name"], "목록");
    let by_field = form(&[("file", None, &two_rows())]);
    let planned = upload(&app, "", by_field).await.expect(201);
    assert_eq!(planned["counts"], counts(2, 0, 0, 0, 0));
}

#[tokio::test]
async fn form_without_exactly_one_file_is_refused_and_leaves_nothing() {
    let app = start().await;
    let file = two_rows();
    for (body, reason) in [
        (form(&[("note", None, "메모")]), "no-file"),
        (form(&[("file", Some(""), "")]), "no-file"),
        (
            form(&[("a", Some("a.csv"), &file), ("b", Some("b.csv"), &file)]),
            "several-files",
        ),
    ] {
        let refused = upload(&app, "", body).await.expect(422);
        assert_eq!(refused["reason"], reason, "{refused}");
    }
    let complete = form(&[("file", Some("a.csv"), &file)]);
    let cut_off = complete[..complete.len() - 40].to_vec();
    let (problem, _) = upload(&app, "", cut_off).await.problem(400);
    assert_eq!(problem, "unreadable-body");
    let app = &app;
    let without_boundary = |content_type: &'static str| async move {
        let headers = [("content-type", content_type)];
        let caller = app.as_staff();
        let answer = caller.send(Method::POST, "/projects/imports", &headers, Vec::new());
        answer.await.expect(422)["reason"].clone()
    };
    assert_eq!(without_boundary("multipart/form-data").await, "broken-form");
    assert_eq!(without_boundary("multipart/mixed").await, "broken-form");
    assert_eq!(count(app, "import").await, 0);
}

#[tokio::test]
async fn same_file_in_another_form_with_the_same_key_is_the_same_plan() {
    let app = start().await;
    let file = two_rows();
    let send = async |body: Vec<u8>| {
        let headers = [("content-type", FORM), ("idempotency-key", "import-1")];
        let caller = app.as_staff();
        let answer = caller.send(Method::POST, "/projects/imports", &headers, body);
        answer.await.expect(201)["id"].clone()
    };
    let first = send(form(&[("file", Some("a.csv"), &file)])).await;
    let second = send(form(&[("note", None, "다시"), ("f", Some("a.csv"), &file)])).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn workbook_is_imported_and_hidden_rows_have_a_warning() {
    let app = start().await;
    let text = two_rows();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let planned = plan(&app, workbook(&lines)).await;
    let mut expected = counts(2, 0, 0, 0, 0);
    expected["warnings"] = json!(1);
    assert_eq!(planned["counts"], expected);
    let with_warnings = rows_of(&app, &planned, "warnings=true").await;
    assert_eq!(with_warnings.len(), 1);
    assert_eq!(with_warnings[0]["line"], 2);
    assert_eq!(with_warnings[0]["warnings"][0]["code"], "hidden-row");
    assert_eq!(rows_of(&app, &planned, "warnings=false").await.len(), 2);
    commit(&app, &planned, &json!({})).await.expect(202);
    carry_out(&app, &planned).await;
    assert_eq!(count(&app, "project").await, 2);
    // The CSV says the same.
    let again = plan(&app, text).await;
    assert_eq!(again["counts"], counts(0, 0, 2, 0, 0));
}

#[tokio::test]
async fn unreadable_files_say_what_to_do() {
    let app = start().await;
    for (file, reason, advice) in [
        (&b"\x1F\x8B\x08\0\0"[..], "gzip", "Unpack it"),
        (
            b"\xD0\xCF\x11\xE0W\0o\0r\0k\0b\0o\0o\0k\0",
            "old-workbook",
            ".xlsx",
        ),
        (
            b"PK\x03\x04 [Content_Types].xml",
            "damaged-workbook",
            ".xlsx",
        ),
    ] {
        let headers = [("accept-language", "en")];
        let answer = app
            .as_staff()
            .send(Method::POST, "/projects/imports", &headers, file.to_vec())
            .await
            .expect(422);
        assert_eq!(answer["reason"], reason);
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(advice), "{detail}");
    }
}

#[tokio::test]
async fn assumed_year_is_a_warning_and_no_edit_of_a_later_import() {
    let app = start().await;
    let record = json!({
        "pblancId": "PBLN_1", "pblancNm": "상시 컨설팅 안내", "jrsdInsttNm": "가상부",
        "excInsttNm": "가상원", "pldirSportRealmLclasCodeNm": "경영", "reqstBeginEndDe": "상시",
    });
    let planned = plan(&app, record.to_string()).await;
    let row = &rows_of(&app, &planned, "warnings=true").await[0];
    assert_eq!(
        (&row["year"], &row["action"]),
        (&json!(2026), &json!("create"))
    );
    assert_eq!(row["warnings"][0]["code"], "year-assumed");
    import(&app, record.to_string()).await;
    app.clock().advance(chrono::TimeDelta::days(400));
    let planned: Value = plan(&app, record.to_string()).await;
    let row = &rows_of(&app, &planned, "").await[0];
    assert_eq!(row["action"], "same", "{row} {}", path(&planned));
}
