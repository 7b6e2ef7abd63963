//! The page of received messages.

use std::collections::VecDeque;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use service_kit::forms::phone::Phone;

use super::message::Message;

pub(super) const STYLE: &str = include_str!("inbox.css");

/// The page with these messages, newest first. It reloads itself every three seconds.
pub(super) fn render(messages: &VecDeque<Message>) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"ko\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"refresh\" content=\"3\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>받은 문자 · KT.GG 체험</title>\n\
         <link rel=\"stylesheet\" href=\"/inbox.css\">\n<h1>받은 문자</h1>\n\
         <p>체험용 화면입니다. 실제 문자는 발송되지 않고, 인증번호가 여기에 나타납니다.</p>\n<ol>\n",
    );
    page.extend(messages.iter().map(row));
    if messages.is_empty() {
        page.push_str("<li>아직 받은 문자가 없습니다.</li>\n");
    }
    page.push_str("</ol>\n</html>\n");
    page
}

fn row(message: &Message) -> String {
    let to = message
        .to
        .parse::<Phone>()
        .map_or_else(|_| message.to.clone(), |phone| phone.national());
    format!(
        "<li><small>{} · <time datetime=\"{}\">{}</time></small><p>{}</p></li>\n",
        escaped(&to),
        message
            .received_at
            .to_rfc3339_opts(SecondsFormat::Secs, true),
        seoul_time(message.received_at),
        escaped(&message.text),
    )
}

/// `10:02:03` in Seoul.
fn seoul_time(at: DateTime<Utc>) -> String {
    const NINE_HOURS: i32 = 9 * 3600;
    let seoul = FixedOffset::east_opt(NINE_HOURS).map(|seoul| at.with_timezone(&seoul).time());
    seoul
        .unwrap_or_else(|| at.time())
        .format("%H:%M:%S")
        .to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
