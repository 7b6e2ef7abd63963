//! Errors of the public data portal: a code and its name, in XML whatever format was requested,
//! or in the header of an answer.

use service_kit::http::problem::Text;

/// In characters.
const MAX_LENGTH: usize = 100;

/// An error that an answer contains instead of programmes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalError {
    /// `returnReasonCode` or `resultCode`; empty if the answer has none.
    pub code: String,
    /// `returnAuthMsg`, `resultMsg` or the text of a portal without codes.
    pub message: String,
}

impl PortalError {
    /// From outside: cut to a length that can be shown, without control characters.
    pub(super) fn new(code: &str, message: &str) -> Self {
        let printable = |text: &str| {
            let text = text.trim().chars().filter(|letter| !letter.is_control());
            text.take(MAX_LENGTH).collect()
        };
        Self {
            code: printable(code),
            message: printable(message),
        }
    }

    /// The error that the start of an XML file contains, if it is one of the portal.
    pub(super) fn of_xml(xml: &[u8]) -> Option<Self> {
        let xml = String::from_utf8_lossy(xml);
        let element = |name: &str| {
            let (_, inside) = xml.split_once(&format!("<{name}>"))?;
            inside.split_once("</").map(|(text, _)| text.trim())
        };
        let code = element("returnReasonCode").or_else(|| element("resultCode"))?;
        let message = ["returnAuthMsg", "resultMsg", "errMsg"]
            .into_iter()
            .find_map(element);
        let is_error = !matches!(code.trim_start_matches('0'), "");
        is_error.then(|| Self::new(code, message.unwrap_or_default()))
    }

    /// What went wrong and what to do.
    pub(super) fn sentence(&self) -> Text {
        let Some((ko, en)) = self.advice() else {
            let error = self.name();
            return Text::new(
                format!(
                    "목록 대신 오류가 담긴 응답입니다: {error}. 인증키와 조회 조건을 확인해 주세요."
                ),
                format!("The answer is an error: {error}. Check the key and the query."),
            );
        };
        let error = self.name();
        Text::new(
            format!("포털의 오류({error}): {ko}"),
            format!("Error of the portal ({error}): {en}"),
        )
    }

    fn name(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code} {message}"),
        }
    }

    /// By the portal's list of errors. Its name counts before its code, which gateways change.
    fn advice(&self) -> Option<(&'static str, &'static str)> {
        const ADVICE: [(&str, &str, &str, &str); 11] = [
            (
                "30",
                "SERVICE_KEY_IS_NOT_REGISTERED",
                "인증키가 거부되었습니다. 등록된 인증키인지 확인하고 다시 받아 주세요.",
                "The key was refused. Check that it is registered, and download again.",
            ),
            (
                "31",
                "DEADLINE_HAS_EXPIRED",
                "인증키의 사용 기간이 끝났습니다. 기간을 연장하고 다시 받아 주세요.",
                "The key has expired. Renew it, and download again.",
            ),
            (
                "22",
                "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS",
                "인증키의 하루 요청 수를 넘었습니다. 내일 다시 받아 주세요.",
                "The key's requests of the day are used up. Download again tomorrow.",
            ),
            (
                "21",
                "TEMPORARILY_DISABLE_THE_SERVICEKEY",
                "인증키가 잠시 정지되었습니다. 포털에서 상태를 확인해 주세요.",
                "The key is suspended. Check its state on the portal.",
            ),
            (
                "20",
                "SERVICE_ACCESS_DENIED",
                "이 인증키로는 쓸 수 없는 서비스입니다. 포털에서 활용 신청을 확인해 주세요.",
                "The key may not use this service. Check the application on the portal.",
            ),
            (
                "32",
                "UNREGISTERED_IP",
                "등록되지 않은 IP에서 요청했습니다. 포털에 등록한 곳에서 다시 받아 주세요.",
                "The request came from an unregistered address. Use a registered one.",
            ),
            (
                "33",
                "UNSIGNED_CALL",
                "서명되지 않은 요청입니다. 인증키를 넣어 다시 받아 주세요.",
                "The request was not signed. Add the key, and download again.",
            ),
            (
                "12",
                "NO_OPENAPI_SERVICE",
                "없어졌거나 주소가 바뀐 서비스입니다. 포털에서 주소를 확인해 주세요.",
                "The service does not exist any more. Check its address on the portal.",
            ),
            (
                "10",
                "INVALID_REQUEST_PARAMETER",
                "요청 항목이 잘못되었습니다. 조회 조건을 확인하고 다시 받아 주세요.",
                "A parameter is invalid. Check the query, and download again.",
            ),
            (
                "11",
                "NO_MANDATORY_REQUEST_PARAMETERS",
                "요청에 빠진 항목이 있습니다. 조회 조건을 확인하고 다시 받아 주세요.",
                "A parameter is missing. Check the query, and download again.",
            ),
            (
                "99",
                "UNKNOWN_ERROR",
                "포털에 오류가 났습니다. 잠시 뒤에 다시 받아 주세요.",
                "The portal failed. Download again later.",
            ),
        ];
        let by_name = ADVICE
            .into_iter()
            .find(|(_, name, ..)| self.message.contains(name));
        by_name
            .or_else(|| ADVICE.into_iter().find(|(code, ..)| *code == self.code))
            .map(|(_, _, ko, en)| (ko, en))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(code: &str, name: &str) -> String {
        let xml = format!(
            "<?xml version=\"1.0\"?>\n<OpenAPI_ServiceResponse><cmmMsgHeader>\
             <errMsg>SERVICE ERROR</errMsg><returnAuthMsg>{name}</returnAuthMsg>\
             <returnReasonCode>{code}</returnReasonCode></cmmMsgHeader></OpenAPI_ServiceResponse>"
        );
        let error = PortalError::of_xml(xml.as_bytes()).unwrap();
        error.sentence().en.into_owned()
    }

    #[test]
    fn each_error_of_the_portal_says_what_to_do() {
        for (code, name, advice) in [
            (
                "30",
                "SERVICE_KEY_IS_NOT_REGISTERED_ERROR",
                "key was refused",
            ),
            (
                "22",
                "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR",
                "tomorrow",
            ),
            ("31", "DEADLINE_HAS_EXPIRED_ERROR", "has expired"),
            ("20", "SERVICE_ACCESS_DENIED_ERROR", "may not use"),
            ("99", "UNKNOWN_ERROR", "later"),
            ("4", "HTTP_ERROR", "The answer is an error"),
        ] {
            let sentence = sentence(code, name);
            assert!(sentence.contains(advice), "{sentence}");
            assert!(sentence.contains(&format!("{code} {name}")), "{sentence}");
            let ko = PortalError::new(code, name).sentence().ko;
            assert!(ko.ends_with("주세요."), "{ko}");
        }
    }

    #[test]
    fn answer_without_an_error_code_is_no_error() {
        let answer = b"<response><header><resultCode>00</resultCode></header></response>";
        assert_eq!(PortalError::of_xml(answer), None);
        assert_eq!(PortalError::of_xml(b"<a><resultCode>"), None);
        let failed = b"<r><resultCode>22</resultCode><resultMsg>LIMIT</resultMsg></r>";
        assert_eq!(
            PortalError::of_xml(failed),
            Some(PortalError::new("22", "LIMIT"))
        );
    }
}
