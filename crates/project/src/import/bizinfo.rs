//! The field names of 기업마당. View counts (`inqireCo`) and totals change with every call and are not
//! read: they would look like edits.

use super::draft::{Draft, attribute};
use super::record::Record;
use super::row::Portal;
use crate::project::SourceList;
use crate::regions;

/// The host of links without one.
pub(super) const HOST: &str = "www.bizinfo.go.kr";

pub(super) const SITE: &str = "bizinfo.go.kr";

/// The id of an announcement.
pub(super) const KEY: &str = "pblancId";

pub(super) fn draft(record: &Record) -> Draft {
    let link = record.link("pblancUrl", HOST);
    Draft {
        portal: Portal::Bizinfo,
        source_id: record.line(KEY),
        list: attribute(SourceList::Bizinfo, &link.text, SITE),
        name: record.line("pblancNm"),
        category: record.line("pldirSportRealmLclasCodeNm").text,
        regions: regions::of_list(&record.text("hashtags")),
        target: record.line("trgetNm"),
        agency: record.line("jrsdInsttNm"),
        host: record.line("excInsttNm"),
        summary: record.prose("bsnsSumryCn"),
        link,
        period: record.line("reqstBeginEndDe"),
        registered: record.line("creatPnttm"),
    }
}
