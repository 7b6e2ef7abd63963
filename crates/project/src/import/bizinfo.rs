//! 기업마당's words. Views (`inqireCo`) and totals change with every call and are not read: they are no edit.

use super::draft::{Cell, Draft};
use super::json::{Record, text};
use super::{Column, Portal, texts};
use crate::project::List;
use crate::regions;

/// Where its links lead when they name no host.
pub(super) const HOST: &str = "www.bizinfo.go.kr";

/// Its site.
const SITE: &str = "bizinfo.go.kr";

/// The list, unless the link leads to another site: then somebody else made the row up.
pub(super) fn listed(list: List, link: &str) -> Option<List> {
    (link.is_empty() || texts::leads_to(link, SITE)).then_some(list)
}

/// Its own id of an announcement.
pub(super) const KEY: &str = "pblancId";

pub(super) fn draft(record: &Record) -> Draft {
    let cell = |name: &str, text: String| Cell {
        column: Column {
            name: name.to_owned(),
            number: None,
        },
        text,
    };
    let line = |name: &str| cell(name, texts::line(&text(record, name)));
    let link = texts::link(&text(record, "pblancUrl"), HOST);
    Draft {
        portal: Portal::Bizinfo,
        source_id: line(KEY),
        list: listed(List::Bizinfo, &link),
        name: line("pblancNm"),
        category: texts::line(&text(record, "pldirSportRealmLclasCodeNm")),
        regions: regions::of_list(&text(record, "hashtags")),
        target: line("trgetNm"),
        agency: line("jrsdInsttNm"),
        host: line("excInsttNm"),
        summary: cell("bsnsSumryCn", texts::prose(&text(record, "bsnsSumryCn"))),
        link: cell("pblancUrl", link),
        period: line("reqstBeginEndDe"),
        registered: line("creatPnttm"),
    }
}
