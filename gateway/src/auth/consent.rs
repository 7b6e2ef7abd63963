//! Consent to the collection of personal data: the text, its version, and who agreed to it.

use events::CustomerId;
use service_kit::Tx;

/// The version of [`TEXT`]. Change both together: a code is sent only to a customer who agreed to
/// the present version.
pub(crate) const VERSION: &str = "2026-11-25";

/// What is collected, why, for how long, and the right to refuse: 개인정보 보호법 제15조 제2항.
pub(crate) const TEXT: &str = "\
개인정보 수집·이용 동의 (필수)

1. 수집하는 항목
휴대전화 번호, 이름, 상담 신청 내용(희망 일자, 메모), 관심 지원사업과 그 알림 내역

2. 수집·이용 목적
휴대전화 번호로 본인을 확인하고, 관심을 표시한 정부 지원사업의 소식을 알리며, \
담당 영업대표와 컨설턴트를 배정하여 상담을 진행하기 위하여 이용합니다. \
배정된 영업대표와 컨설턴트, 관리자가 상담에 필요한 범위에서 볼 수 있으며, \
전화번호 전체를 본 사람과 시각은 기록되어 내 정보에서 확인할 수 있습니다.

3. 보유 및 이용 기간
내 정보 삭제를 요청할 때까지 보유하며, 요청하면 지체 없이 이름, 전화번호, 메모, 사유를 지웁니다. \
인증번호는 3분이 지나면 쓸 수 없고 곧 지워집니다.

4. 동의를 거부할 권리
동의하지 않을 수 있습니다. \
동의하지 않으면 로그인이 필요한 관심 등록과 상담 신청을 이용할 수 없으나, \
지원사업 조회는 로그인 없이 이용할 수 있습니다.
";

/// Records that the customer agreed to this version, if it is not recorded yet.
pub(crate) async fn record(
    tx: &mut Tx,
    customer: CustomerId,
    version: &str,
) -> Result<(), sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "insert into consent (id, customer_id, version, given_at) values ($1, $2, $3, $4)
         on conflict (customer_id, version) where withdrawn_at is null do nothing",
    )
    .bind(id)
    .bind(customer.0)
    .bind(version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Withdraws every consent of the customer.
pub(crate) async fn withdraw(tx: &mut Tx, customer: CustomerId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "update consent set withdrawn_at = $2 where customer_id = $1 and withdrawn_at is null",
    )
    .bind(customer.0)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
