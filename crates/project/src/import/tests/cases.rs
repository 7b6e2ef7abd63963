//! Files that public sources published or that were saved on the way, with what is right.

use chrono::NaiveDate;
use events::{Category, Period, PeriodKind, Region};
use serde_json::json;
use unicode_normalization::UnicodeNormalization as _;

use super::*;
use crate::project::SourceList;

fn date(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

/// The row and the codes of the warnings about it.
fn only_row(file: impl AsRef<[u8]>) -> (Row, Vec<String>) {
    let [parsed] = &parse(file).unwrap()[..] else {
        panic!("not one row")
    };
    let codes = parsed.warnings.iter().map(|fault| fault.code.to_string());
    (parsed.row.clone().unwrap(), codes.collect())
}

#[test]
fn documented_answer_of_bizinfo_is_read() {
    let (row, warnings) = only_row(include_str!("cases/bizinfo_documented_object.json"));
    assert_eq!(row.source_id, "PBLN_000000000080236");
    assert_eq!(row.details.name, "착한임대인 장관 표창 신청 연장 공고");
    assert_eq!(row.details.category, Category::Management);
    assert_eq!(row.details.regions, [Region::Daejeon, Region::Chungbuk]);
    assert_eq!(row.details.period.ends_on, date(2022, 9, 30));
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn older_field_names_alone_are_read() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("cases/bizinfo_documented_object.json")).unwrap();
    let (expected, _) = only_row(file.to_string());
    let mut record = file["jsonArray"]["item"][0].clone();
    for name in [
        "pblancNm",
        "pblancUrl",
        "pblancId",
        "jrsdInsttNm",
        "pldirSportRealmLclasCodeNm",
        "creatPnttm",
        "reqstBeginEndDe",
    ] {
        record.as_object_mut().unwrap().remove(name);
    }
    let (row, _) = only_row(json!({ "jsonArray": { "item": [record] } }).to_string());
    assert_eq!(row, expected);
}

#[test]
fn korean_names_of_the_portals_api_are_the_columns_of_the_csv() {
    let (row, warnings) = only_row(include_str!("cases/odcloud_3034791.json"));
    let csv = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
        1,수출,[부산] 2026년 아세안 온라인시장 진출 지원사업 탐침 모집 공고,2026-11-26,2026-12-20,\
        부산광역시,부산경제진흥원,2026-11-25,https://www.bizinfo.go.kr/web/lay1/bbs/S1T122C128/AS/\
        74/view.do?pblancId=PBLN_000000000990101\n";
    assert_eq!(row, rows(csv)[0]);
    assert_eq!(row.list, Some(SourceList::DataGoKr));
    assert_eq!(warnings, Vec::<String>::new());
}

#[test]
fn values_of_live_kstartup_answers_are_read() {
    let parsed = parse(include_str!("cases/kstartup_live_values.json")).unwrap();
    let rows: Vec<&Row> = parsed
        .iter()
        .map(|parsed| parsed.row.as_ref().unwrap())
        .collect();
    let categories: Vec<Category> = rows.iter().map(|row| row.details.category).collect();
    let startup = Category::Startup;
    assert_eq!(
        categories[..5],
        [
            Category::Export,
            Category::Finance,
            startup,
            Category::Technology,
            startup
        ]
    );
    assert!(rows.iter().all(|row| row.has_category));
    assert_eq!(rows[4].details.name, "2026년 (재) 괄호 탐침5");
    assert_eq!(
        rows[5].details.name,
        "ZUZU X 뉴본벤처스 IR '집중검토' 2026 탐침6"
    );
    assert_eq!(rows[7].details.period.kind, PeriodKind::Missing);
    assert_eq!(rows[7].details.year, 2026);
    assert_eq!(
        rows[8].details.link.as_deref(),
        Some(
            "https://www.k-startup.go.kr/web/contents/bizpbanc-ongoing.do\
             ?schM=view&pbancSn=990009"
        )
    );
    let december = crate::period::parse("2026-12-01 ~ 2026-12-31");
    assert_eq!(rows[9].details.period, december);
    assert_eq!(rows[10].details.regions, [Region::JeonnamGwangju]);
    assert_eq!(rows[11].details.name, "2026년 강조 제목 탐침12");
    assert_eq!(rows[12].source_id, "990013");
    assert_eq!(rows[13].details.period.kind, PeriodKind::Invalid);
    assert_eq!(
        warnings(&parsed[13]),
        [("pbanc_rcpt_bgng_dt", "impossible-period")]
    );
    let stored = serde_json::to_string(&rows).unwrap();
    assert!(!stored.contains("5678") && !stored.contains('&') || stored.contains("schM"));
    assert!(!stored.contains("0212345678"));
}

#[test]
fn refused_key_is_named_with_its_code() {
    let error = parse(include_str!("cases/datagokr_key_error.xml")).unwrap_err();
    let sentence = error.sentence();
    assert!(
        sentence.ko.contains("인증키가 거부되었습니다"),
        "{}",
        sentence.ko
    );
    assert!(
        sentence
            .en
            .contains("30 SERVICE_KEY_IS_NOT_REGISTERED_ERROR")
    );
    assert_eq!(error.reason(), "refused-by-source");
}

#[test]
fn serial_numbers_of_excel_are_dates() {
    let file = include_str!("cases/excel_serial_dates.csv");
    let (row, warnings) = only_row(file);
    assert_eq!(
        row.details.period,
        crate::period::parse("2026-11-26 ~ 2026-12-20")
    );
    assert_eq!(row.registered_on, date(2026, 11, 25));
    assert_eq!(warnings, Vec::<String>::new());
    let (row, _) = only_row(file.replace("46352,46376", "46352.375,46376.75"));
    let Period {
        text,
        starts_on,
        ends_on,
        ..
    } = row.details.period;
    assert_eq!(text, "2026-11-26 09:00 ~ 2026-12-20 18:00");
    assert_eq!(
        (starts_on, ends_on),
        (date(2026, 11, 26), date(2026, 12, 20))
    );
}

#[test]
fn decomposed_hangul_is_read_as_composed() {
    let (row, _) = only_row(include_str!("cases/nfd_titles.csv"));
    assert_eq!(row.details.name, "[부산] 2026년 자모분리 지원사업 탐침");
    assert_eq!(row.details.category, Category::Startup);
    assert_eq!(row.details.regions, [Region::Busan]);
    assert_eq!(row.details.agency, "부산광역시");
    let decomposed: String = CSV.nfd().collect();
    assert_eq!(rows(decomposed), rows(CSV));
}

#[test]
fn every_field_is_shown_without_markup_and_invisible_characters() {
    let dirty = |text: &str| {
        format!("&amp;lt;b&amp;gt;{text}&lt;/b&gt;<script>x()</script>\u{200B}\u{202E}&#8203;")
    };
    let mut record = a_record();
    for name in ["jrsdInsttNm", "excInsttNm", "trgetNm", "hashtags"] {
        record[name] = json!(dirty(a_record()[name].as_str().unwrap()));
    }
    record["pblancNm"] = json!(dirty("2026년 R&amp;amp;D 바우처 공고"));
    record["reqstBeginEndDe"] = json!(dirty("예산 소진시까지"));
    record["pldirSportRealmLclasCodeNm"] = json!(dirty("기술"));
    let cleaned = rows(record.to_string());
    assert_eq!(cleaned, rows(a_record().to_string()));
    record["bsnsSumryCn"] = json!("<p>첫째\u{200B}</p><ul><li>하나<li>둘</ul>");
    assert_eq!(
        rows(record.to_string())[0].details.summary.as_deref(),
        Some("첫째\n- 하나\n- 둘")
    );
}

#[test]
fn year_of_the_import_is_assumed_with_a_warning() {
    let mut record = a_record();
    record["pblancNm"] = json!("바우처 공고");
    record["creatPnttm"] = json!("");
    let (row, warnings) = only_row(record.to_string());
    assert_eq!((row.details.year, row.has_year), (2026, false));
    assert_eq!(warnings, ["year-assumed"]);
}

#[test]
fn title_above_the_headings_is_skipped() {
    let titled = format!("2026년 지원사업 목록,,,,,,,,\n\n(분야별),,,,,,,,\n{CSV}");
    assert_eq!(rows(&titled), rows(CSV));
    let (cp949, _, _) = encoding_rs::EUC_KR.encode(&titled);
    assert_eq!(rows(cp949), rows(CSV));
    let far_below = format!("{}{CSV}", "목록,사업명\n".repeat(21));
    assert!(matches!(
        parse(far_below),
        Err(ImportError::MissingColumns(_))
    ));
}
#[test]
fn last_day_of_the_calendar_means_always() {
    let parsed = parse(include_str!("cases/kstartup_live_values.json")).unwrap();
    let period = &parsed[6].row.as_ref().unwrap().details.period;
    assert_eq!(
        (period.kind, period.starts_on, period.ends_on),
        (PeriodKind::Always, date(2026, 12, 1), None)
    );
}
