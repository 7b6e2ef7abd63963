//! The rows of valid files.

use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, Region};
use serde_json::json;

use super::*;
use crate::project::{Details, SourceList};

#[test]
fn csv_row_is_parsed_with_all_fields() {
    let [first, second] = &rows(CSV)[..] else {
        panic!()
    };
    assert_eq!(
        *first,
        Row {
            portal: Portal::Bizinfo,
            source_id: "PBLN_000000000000001".to_owned(),
            list: Some(SourceList::DataGoKr),
            details: Details {
                name: "[부산] 2024년 온라인시장 진출 지원사업 참가기업 모집 공고".to_owned(),
                year: 2024,
                category: Category::Export,
                regions: vec![Region::Busan],
                target: None,
                scale: None,
                agency: "부산광역시".to_owned(),
                host: "가상경제진흥원".to_owned(),
                summary: None,
                link: Some(
                    "https://www.bizinfo.go.kr/view.do?pblancId=PBLN_000000000000001".to_owned()
                ),
                period: crate::period::parse("2024-03-26 ~ 2024-04-10"),
            },
            has_category: true,
            has_regions: false,
            has_year: true,
            registered_on: NaiveDate::from_ymd_opt(2024, 3, 29),
        }
    );
    assert_eq!(second.details.name, "게임, 그리고 \"인디\" 제작지원");
    assert!(!second.has_category);
    assert_eq!(
        (
            second.details.category,
            &*second.details.regions,
            second.details.year
        ),
        (Category::Other, &[Region::Nationwide][..], 2024)
    );
    assert_eq!(second.details.host, "가상부");
    assert_eq!(
        second.details.link.as_deref(),
        Some("https://www.bizinfo.go.kr/view.do?a=b&pblancId=PBLN_000000000000002")
    );
}

/// Rows are stored as JSON, also by builds before and after this one.
#[test]
fn stored_row_keeps_its_field_names() {
    let row = &rows(CSV)[0];
    let stored = serde_json::to_value(row).unwrap();
    let names: std::collections::BTreeSet<&str> = stored
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "agency",
        "category",
        "categoryTold",
        "host",
        "link",
        "list",
        "name",
        "period",
        "portal",
        "regions",
        "regionsTold",
        "registeredOn",
        "sourceId",
        "summary",
        "target",
        "year",
        "yearTold",
    ];
    assert_eq!(names, expected.into());
    // Builds before this one did not store all of them.
    let mut older = stored.clone();
    older.as_object_mut().unwrap().remove("yearTold");
    for stored in [stored, older] {
        assert_eq!(serde_json::from_value::<Row>(stored).unwrap(), *row);
    }
}

#[test]
fn csv_is_equal_in_any_encoding_order_and_line_end() {
    let expected = rows(CSV);
    let (cp949, _, _) = encoding_rs::EUC_KR.encode(CSV);
    assert_eq!(rows(&cp949), expected);
    assert_eq!(rows(format!("\u{FEFF}{CSV}")), expected);
    assert_eq!(rows(CSV.replace('\n', "\r\n")), expected);
    assert_eq!(rows(CSV.trim_end()), expected);
    let reversed: String = CSV
        .lines()
        .map(|line| {
            if line.contains('"') {
                line.replace("\"게임, 그리고 \"\"인디\"\" 제작지원\"", "게임")
            } else {
                line.to_owned()
            }
        })
        .map(|line| {
            line.split(',')
                .rev()
                .chain(["더 있는 것"])
                .collect::<Vec<_>>()
                .join(",")
                + "\n"
        })
        .collect();
    assert_eq!(rows(reversed)[0], expected[0]);
}

#[test]
fn rows_have_number_and_line() {
    let csv = CSV.replace("1,수출,", "\n\n1,수출,");
    let places: Vec<(u64, u64)> = parse(csv)
        .unwrap()
        .iter()
        .map(|line| (line.number, line.line))
        .collect();
    assert_eq!(places, [(1, 4), (2, 5)]);
    let answer = format!("{{\"jsonArray\": [\n{},\n{}\n]}}", a_record(), a_record());
    let places: Vec<(u64, u64)> = parse(answer)
        .unwrap()
        .iter()
        .map(|line| (line.number, line.line))
        .collect();
    assert_eq!(places, [(1, 2), (2, 3)]);
}

#[test]
fn bizinfo_record_is_equal_in_every_wrapping() {
    let record = a_record();
    let expected = Row {
        portal: Portal::Bizinfo,
        source_id: "PBLN_000000000000007".to_owned(),
        list: Some(SourceList::Bizinfo),
        details: Details {
            name: "2026년 R&D 바우처 공고".to_owned(),
            year: 2026,
            category: Category::Technology,
            regions: vec![Region::Seoul, Region::Gyeonggi],
            target: Some("소상공인".to_owned()),
            scale: None,
            agency: "가상중소기업부".to_owned(),
            host: "가상진흥원".to_owned(),
            summary: Some("첫째 줄\n\n둘째 줄".to_owned()),
            link: Some(
                "https://www.bizinfo.go.kr/sii/siia/selectSIIA200Detail.do\
                 ?pblancId=PBLN_000000000000007"
                    .to_owned(),
            ),
            period: Period {
                kind: PeriodKind::UntilBudget,
                text: "예산 소진시까지".to_owned(),
                starts_on: None,
                ends_on: None,
            },
        },
        has_category: true,
        has_regions: true,
        has_year: true,
        registered_on: NaiveDate::from_ymd_opt(2025, 12, 30),
    };
    let through_portal = |body: serde_json::Value| {
        let header = json!({ "resultCode": "00", "resultMsg": "NORMAL SERVICE." });
        json!({ "response": { "header": header, "body": body } }).to_string()
    };
    for file in [
        json!({ "jsonArray": [record] }).to_string(),
        format!("{:#}", json!({ "jsonArray": [record], "totCnt": 7 })),
        format!("\u{FEFF} {}", json!({ "jsonArray": record })),
        through_portal(json!({ "items": { "item": [record] } })),
        through_portal(json!({ "items": { "item": record }, "totalCount": 1 })),
        through_portal(json!({ "items": [record] })),
        json!({ "jsonArray": { "title": "목록", "item": [record] } }).to_string(),
        json!({ "jsonArray": { "item": record } }).to_string(),
        json!({ "rss": { "channel": { "title": "목록", "item": [record] } } }).to_string(),
        json!({ "rss": { "channel": { "item": record } } }).to_string(),
        json!([record]).to_string(),
        format!("{record:#}"),
        record.to_string(),
        format!("{record}\n"),
        format!("\u{FEFF}\n{record}\r\n\r\n"),
    ] {
        assert_eq!(rows(&file), std::slice::from_ref(&expected), "{file}");
    }
    // Counters that change with every call are ignored.
    let mut counted = a_record();
    counted["inqireCo"] = json!(22734);
    assert_eq!(rows(counted.to_string()), [expected]);
}

#[test]
fn kstartup_answer_is_parsed_without_phone_number() {
    let record = json!({
        "pbanc_sn": 175_783,
        "biz_pbanc_nm": "2026년 &lt;초격차&gt; 창업 지원",
        "intg_pbanc_biz_nm": "초격차",
        "supt_biz_clsfc": "사업화",
        "supt_regin": "전국",
        "aply_trgt": "예비창업자, 일반기업",
        "pbanc_rcpt_bgng_dt": "20260401",
        "pbanc_rcpt_end_dt": "20260430",
        "pbanc_ntrp_nm": "(재)가상창업진흥원",
        "sprv_inst": "공공기관",
        "prch_cnpl_no": "01012345678",
        "pbanc_ctnt": "첫 줄\r\n[누리집](https://a.kr) &amp; 안내",
        "detl_pg_url": "[바로가기](www.k-startup.go.kr/web/ongoing.do?pbancSn=175783)",
    });
    let answer = json!({
        "currentCount": 1,
        "matchCount": 1,
        "totalCount": 1,
        "page": 1,
        "perPage": 10,
        "data": [record],
    });
    let [row] = &rows(answer.to_string())[..] else {
        panic!()
    };
    assert_eq!(
        *row,
        Row {
            portal: Portal::Kstartup,
            source_id: "175783".to_owned(),
            list: Some(SourceList::Kstartup),
            details: Details {
                name: "2026년 <초격차> 창업 지원".to_owned(),
                year: 2026,
                category: Category::Startup,
                regions: vec![Region::Nationwide],
                target: Some("예비창업자, 일반기업".to_owned()),
                scale: None,
                agency: "(재)가상창업진흥원".to_owned(),
                host: "(재)가상창업진흥원".to_owned(),
                summary: Some("첫 줄\n누리집 & 안내".to_owned()),
                link: Some("https://www.k-startup.go.kr/web/ongoing.do?pbancSn=175783".to_owned()),
                period: crate::period::parse("2026-04-01 ~ 2026-04-30"),
            },
            has_category: true,
            has_regions: true,
            has_year: true,
            registered_on: None,
        }
    );
    assert!(!serde_json::to_string(row).unwrap().contains("5678"));
}
