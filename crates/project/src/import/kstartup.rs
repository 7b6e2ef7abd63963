//! K-Startup's words. The phone number of the person in charge (`prch_cnpl_no`) is not read.

use super::draft::{Cell, Draft, joined};
use super::json::{Record, text};
use super::{Column, Portal, texts};
use crate::project::List;
use crate::regions;

/// Where its links lead when they name no host.
const HOST: &str = "www.k-startup.go.kr";

/// Its site.
const SITE: &str = "k-startup.go.kr";

/// Its own id of an announcement.
pub(super) const KEY: &str = "pbanc_sn";

/// Its kinds of support, and what they are called here.
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
    let cell = |name: &str, text: String| Cell {
        column: Column {
            name: name.to_owned(),
            number: None,
        },
        text,
    };
    let line = |name: &str| cell(name, texts::line(&text(record, name)));
    let first_of = |names: [&str; 2]| {
        let [first, second] = names.map(line);
        if first.text.is_empty() { second } else { first }
    };
    let link_in = |name: &str| cell(name, texts::link(&text(record, name), HOST));
    let (detail, guide) = (link_in("detl_pg_url"), link_in("biz_gdnc_url"));
    let date = |name: &str| dashed(&texts::line(&text(record, name)));
    let kind = texts::line(&text(record, "supt_biz_clsfc"));
    let category = CATEGORIES
        .into_iter()
        .find(|(theirs, _)| *theirs == kind)
        .map_or(&*kind, |(_, ours)| ours);
    Draft {
        portal: Portal::Kstartup,
        source_id: line(KEY),
        // The guide may be anybody's page; the announcement is its own.
        list: (detail.text.is_empty() || texts::leads_to(&detail.text, SITE))
            .then_some(List::Kstartup),
        name: first_of(["biz_pbanc_nm", "intg_pbanc_biz_nm"]),
        category: category.to_owned(),
        regions: regions::of_list(&text(record, "supt_regin")),
        target: line("aply_trgt"),
        agency: line("pbanc_ntrp_nm"),
        // `sprv_inst` says only what kind of body it is (공공기관, 민간).
        host: line("pbanc_ntrp_nm"),
        summary: cell("pbanc_ctnt", texts::prose(&text(record, "pbanc_ctnt"))),
        link: if detail.text.is_empty() {
            guide
        } else {
            detail
        },
        period: cell(
            "pbanc_rcpt_bgng_dt",
            joined(&date("pbanc_rcpt_bgng_dt"), &date("pbanc_rcpt_end_dt")),
        ),
        registered: cell("pbanc_rcpt_bgng_dt", String::new()),
    }
}

/// 20260401 as people write it: here a program wrote it.
fn dashed(text: &str) -> String {
    match (text.len(), text.bytes().all(|byte| byte.is_ascii_digit())) {
        (8, true) => format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]),
        _ => text.to_owned(),
    }
}
