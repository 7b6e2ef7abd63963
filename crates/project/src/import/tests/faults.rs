//! Faults and warnings of single rows.

use events::{Period, PeriodKind};
use serde_json::json;

use super::*;
use crate::import::reader::RECOGNITION_SIZE;
use crate::project::SourceList;

#[test]
fn row_lists_all_faults_and_spoils_no_other_row() {
    let name = "가".repeat(201);
    let csv = format!(
        "{CSV}3,기술,{name},,,,,,ftp://a.kr/b\n\
         4,기술,이름뿐,,,부,,,https://a.kr?pblancId=PBLN_1\n5,기술\n\
         6,기술,\u{FFFD}\u{1},2024-01-01,,부,,,https://a.kr?pblancId=P+1\n"
    );
    let lines = parse(csv).unwrap();
    assert_eq!(lines.len(), 6);
    assert!(lines[0].row.is_ok() && lines[1].row.is_ok());
    assert_eq!(
        faults(&lines[2]),
        [
            ("상세URL", "no-key"),
            ("사업명", "too-long"),
            ("소관기관", "required"),
            ("상세URL", "not-a-link")
        ]
    );
    let row = lines[3].row.as_ref().unwrap();
    assert_eq!((row.details.year, row.has_year), (2026, false));
    assert_eq!(warnings(&lines[3]), [("사업명", "year-assumed")]);
    assert_eq!(faults(&lines[4]), [("", "wrong-field-count")]);
    assert_eq!(
        faults(&lines[5]),
        [("상세URL", "wrong-key"), ("사업명", "unreadable-letters")]
    );
    let column = lines[2].row.as_ref().unwrap_err()[1]
        .column
        .clone()
        .unwrap();
    assert_eq!((column.name.as_str(), column.number), ("사업명", Some(3)));
    let csv = CSV
        .replace("2024년 온라인시장", "1950년 온라인시장")
        .replace("게임", "게\u{2}임");
    let lines = parse(csv).unwrap();
    assert_eq!(faults(&lines[0]), [("사업명", "no-such-year")]);
    assert_eq!(faults(&lines[1]), [("사업명", "control-character")]);
}

#[test]
fn record_lines_may_be_long_and_fail_alone() {
    let mut long = a_record();
    long["unread"] = json!("가".repeat(RECOGNITION_SIZE));
    let file = format!("{long}\n{{\"pblancId\": \n[1]\n{{}}\n{}", a_record());
    let lines = parse(&file).unwrap();
    assert!(lines[0].row.is_ok() && lines[4].row.is_ok());
    let found: Vec<_> = lines[1..4]
        .iter()
        .map(|line| (line.line, faults(line)))
        .collect();
    assert_eq!(
        found,
        [
            (2, vec![("", "not-json")]),
            (3, vec![("", "wrong-type")]),
            (4, vec![("", "no-key")])
        ]
    );
}

#[test]
fn row_cut_off_at_end_of_file_gets_warning() {
    let complete = parse(CSV.trim_end()).unwrap();
    assert!(complete.iter().all(|line| line.warnings.is_empty()));
    let cut = &parse(&CSV.trim_end()[..CSV.trim_end().len() - 2]).unwrap()[1];
    assert_eq!(cut.row.as_ref().unwrap().source_id, "PBLN_0000000000000");
    assert_eq!(warnings(cut), [("", MAYBE_CUT_OFF)]);
    // A line break completes the row, and a single row has no other to compare with.
    let shorter = format!("{}\n", &CSV.trim_end()[..CSV.trim_end().len() - 2]);
    assert_eq!(warnings(&parse(shorter).unwrap()[1]), []);
    let only = CSV.lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(warnings(&parse(&only[..only.len() - 2]).unwrap()[0]), []);
}

#[test]
fn long_text_is_cut_and_long_period_not_interpreted() {
    let mut record = a_record();
    let read_period = |text: String| {
        let mut record = a_record();
        record["reqstBeginEndDe"] = json!(text);
        rows(record.to_string())[0].details.period.clone()
    };
    record["trgetNm"] = json!("가".repeat(4001));
    record["bsnsSumryCn"] = json!("나".repeat(4000));
    let row = &rows(record.to_string())[0];
    assert_eq!(
        row.details.target.as_deref(),
        Some(&*format!("{}…", "가".repeat(3999)))
    );
    assert_eq!(row.details.summary.as_deref(), Some(&*"나".repeat(4000)));
    let long = format!("{} 2026-04-01 ~ 2026-04-30", "가".repeat(200));
    let period = Period {
        kind: PeriodKind::Other,
        text: long.clone(),
        starts_on: None,
        ends_on: None,
    };
    assert_eq!(read_period(long), period);
    assert_eq!(read_period("상시 ".repeat(2000)).text.chars().count(), 4000);
    assert_eq!(
        read_period(format!("상시 {}", "가".repeat(197))).kind,
        PeriodKind::Always
    );
}

#[test]
fn invalid_link_is_warning_unless_it_has_the_key() {
    for link in [
        "ftp://a.kr/b",
        "javascript:alert(1)",
        "data:text/html,a",
        "누리집 참조",
        &format!("https://a.kr/{}", "b".repeat(4000)),
    ] {
        let mut record = a_record();
        record["pblancUrl"] = json!(link);
        let line = &parse(record.to_string()).unwrap()[0];
        assert_eq!(line.row.as_ref().unwrap().details.link, None, "{link}");
        assert_eq!(warnings(line).len(), 1, "{link}");
    }
    let csv = CSV.replace("https://www.bizinfo.go.kr", "ftp://www.bizinfo.go.kr");
    assert_eq!(faults(&parse(csv).unwrap()[0]), [("상세URL", "not-a-link")]);
    let csv = CSV.replace("https://www.bizinfo.go.kr", "HTTPS://www.bizinfo.go.kr");
    assert_eq!(rows(csv), rows(CSV));
}

#[test]
fn list_is_set_only_if_link_leads_to_its_site() {
    let list_of = |link: serde_json::Value| {
        let mut record = a_record();
        record["pblancUrl"] = link;
        rows(record.to_string())[0].list
    };
    assert_eq!(
        list_of(json!("https://www.bizinfo.go.kr/x?pblancId=1")),
        Some(SourceList::Bizinfo)
    );
    assert_eq!(list_of(serde_json::Value::Null), Some(SourceList::Bizinfo));
    assert_eq!(
        list_of(json!("https://example.com/programmes?pblancId=KTGG_1")),
        None
    );
    assert_eq!(
        rows(CSV.replace("https://www.bizinfo.go.kr", "https://example.com"))[0].list,
        None
    );
    assert_eq!(rows(CSV)[0].list, Some(SourceList::DataGoKr));
}
