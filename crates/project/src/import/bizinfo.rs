//! 기업마당's words. Views (`inqireCo`) and totals change with every call and are not read: they are no edit.

use super::draft::{Cell, Draft};
use super::json::{Record, text};
use super::{Column, Portal, texts};
use crate::regions;

/// Where its links lead when they name no host.
pub(super) const HOST: &str = "www.bizinfo.go.kr";

/// Its own id of an announcement.
pub(super) const KEY: &str = "pblancId";

pub(super) fn draft(record: &Record) -> Draft {
    let cell = |name: &str, text: String| Cell { column: Column { name: name.to_owned(), number: None }, text };
    let line = |name: &str| cell(name, texts::line(&text(record, name)));
    Draft {
        portal: Portal::Bizinfo,
        source_id: line(KEY),
        name: line("pblancNm"),
        category: texts::line(&text(record, "pldirSportRealmLclasCodeNm")),
        regions: regions::of_list(&text(record, "hashtags")),
        target: line("trgetNm"),
        agency: line("jrsdInsttNm"),
        host: line("excInsttNm"),
        summary: cell("bsnsSumryCn", texts::prose(&text(record, "bsnsSumryCn"))),
        link: cell("pblancUrl", texts::link(&text(record, "pblancUrl"), HOST)),
        period: line("reqstBeginEndDe"),
        registered: line("creatPnttm"),
    }
}
