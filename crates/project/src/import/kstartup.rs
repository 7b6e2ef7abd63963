//! The field names of K-Startup. The phone number of the contact (`prch_cnpl_no`) is not read.

use super::draft::{Cell, Draft, attribute, join_period};
use super::record::{Record, cell};
use super::row::Portal;
use crate::project::SourceList;
use crate::regions;

/// The host of links without one.
const HOST: &str = "www.k-startup.go.kr";

const SITE: &str = "k-startup.go.kr";

/// The id of an announcement.
pub(super) const KEY: &str = "pbanc_sn";

/// Kinds of support of K-Startup, and the 분야 of each.
const CATEGORIES: [(&str, &str); 10] = [
    ("사업화", "창업"),
    ("창업교육", "창업"),
    ("시설ㆍ공간ㆍ보육", "창업"),
    ("멘토링ㆍ컨설팅ㆍ교육", "창업"),
    ("멘토링ㆍ컨설팅", "창업"),
    ("행사ㆍ네트워크", "창업"),
    ("기술개발(R&D)", "기술"),
    ("융자ㆍ보증", "금융"),
    ("융자", "금융"),
    ("글로벌", "수출"),
];

pub(super) fn draft(record: &Record) -> Draft {
    const START: &str = "pbanc_rcpt_bgng_dt";
    let or = |first: Cell, second: Cell| if first.text.is_empty() { second } else { first };
    let date = |name: &str| with_dashes(record.line(name).text);
    let detail = record.link("detl_pg_url", HOST);
    let kind = record.line("supt_biz_clsfc").text;
    let category = CATEGORIES
        .into_iter()
        .find(|(theirs, _)| *theirs == kind)
        .map_or(kind, |(_, ours)| ours.to_owned());
    Draft {
        portal: Portal::Kstartup,
        source_id: record.line(KEY),
        // The guide may be a page of anyone; the announcement is on K-Startup itself.
        list: attribute(SourceList::Kstartup, &detail.text, SITE),
        name: or(
            record.line("biz_pbanc_nm"),
            record.line("intg_pbanc_biz_nm"),
        ),
        category,
        regions: regions::of_list(&record.text("supt_regin")),
        target: record.line("aply_trgt"),
        agency: record.line("pbanc_ntrp_nm"),
        // `sprv_inst` gives only the kind of organization (공공기관, 민간).
        host: record.line("pbanc_ntrp_nm"),
        summary: record.prose("pbanc_ctnt"),
        link: or(detail, record.link("biz_gdnc_url", HOST)),
        period: cell(START, join_period(&date(START), &date("pbanc_rcpt_end_dt"))),
        registered: cell(START, String::new()),
    }
}

/// 20260401 as 2026-04-01.
fn with_dashes(text: String) -> String {
    match (text.len(), text.bytes().all(|byte| byte.is_ascii_digit())) {
        (8, true) => format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]),
        _ => text,
    }
}
