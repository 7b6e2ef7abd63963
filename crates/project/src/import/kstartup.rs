//! The field names of K-Startup. The phone number of the contact (`prch_cnpl_no`) is not read.

use super::cell_date::date_text;
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

pub(super) fn draft(record: &Record) -> Draft {
    const START: &str = "pbanc_rcpt_bgng_dt";
    let or = |first: Cell, second: Cell| if first.text.is_empty() { second } else { first };
    let date = |name: &str| date_text(&record.line(name).text);
    let detail = record.link("detl_pg_url", HOST);
    Draft {
        portal: Portal::Kstartup,
        source_id: record.line(KEY),
        // The guide may be a page of anyone; the announcement is on K-Startup itself.
        list: attribute(SourceList::Kstartup, &detail.text, SITE),
        name: or(
            record.line("biz_pbanc_nm"),
            record.line("intg_pbanc_biz_nm"),
        ),
        category: record.line("supt_biz_clsfc").text,
        regions: regions::of_list(&record.line("supt_regin").text),
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
