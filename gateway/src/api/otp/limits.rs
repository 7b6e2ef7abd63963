//! The limits of codes: those that are sent, and those that are tried.
//!
//! A browser that has signed in with the number before has limits of its own. Strangers who use up
//! those of the number, of an address or of all callers do not lock its owner out.

use chrono::TimeDelta;
use events::CustomerId;
use service_kit::{Problem, Tx};

use crate::auth::backoff::{self, Growth};
use crate::config::Rate;
use crate::edge::client_ip::ClientIp;
use crate::edge::device_cookie::Device;
use crate::edge::rate_limit::too_many_requests;
use crate::state::AppState;

/// The wait after the first wrong code too many: as long as between two codes.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(30);

/// How many times a number's daily codes all browsers have together that have signed in with it.
const DEVICES_MULTIPLE: u32 = 2;

/// Counts a request for a code. In one transaction, so that a request that one limit refuses counts
/// against none.
///
/// # Errors
/// 429 when a limit is used up, or wrong codes have to be waited for.
pub(super) async fn count_request(
    state: &AppState,
    tx: &mut Tx,
    client: ClientIp,
    customer: CustomerId,
    device: Option<Device>,
) -> Result<(), Problem> {
    let (limits, now) = (&state.limits, tx.now());
    let delay = delay_key(state, customer, device);
    if let Some(wait) = backoff::remaining(&mut **tx, &delay, now).await? {
        return Err(too_many_requests("wrong-codes", wait));
    }
    let counted = &state.rate_limits;
    if device.is_none() {
        let (rate, all) = (limits.codes_per_address, Some(limits.codes_hourly));
        counted
            .take_for_client(tx, "codes-per-address", client, rate, all)
            .await?;
    }
    // The limit of all callers last: every one of its rows is waited for by all.
    let own = subject(customer, device);
    let limits: &[(&'static str, &[u8], Rate)] = match device {
        None => &[
            ("resends-per-phone", &own, limits.resends_per_phone),
            ("codes-per-phone", &own, limits.codes_per_phone),
            ("codes-per-phone-daily", &own, limits.codes_per_phone_daily),
            ("codes", b"", limits.codes),
            ("codes-hourly", b"", limits.codes_hourly),
        ],
        Some(_) => &[
            ("resends-per-device", &own, limits.resends_per_phone),
            ("codes-per-device", &own, limits.codes_per_phone),
            ("codes-per-device-daily", &own, limits.codes_per_phone_daily),
            // Each sign-in without the cookie makes another device: few numbers with many of them
            // would use up what all devices have.
            (
                "codes-per-phone-of-devices",
                customer.0.as_bytes(),
                limits.codes_per_phone_daily.times(DEVICES_MULTIPLE),
            ),
            ("codes-of-devices", b"", limits.codes),
            ("codes-of-devices-hourly", b"", limits.codes_hourly),
        ],
    };
    for &(name, value, rate) in limits {
        counted.take_in(tx, name, value, rate).await?;
    }
    Ok(())
}

/// Counts a guess at a code, by a caller who may have invented the challenge.
///
/// # Errors
/// 429 when a limit is used up.
pub(super) async fn count_guess(
    state: &AppState,
    tx: &mut Tx,
    client: ClientIp,
    device: Option<Device>,
) -> Result<(), Problem> {
    let (counted, rate) = (&state.rate_limits, state.limits.guesses_per_address);
    if let Some(device) = device {
        let device = device.as_bytes();
        return counted
            .take_in(tx, "guesses-per-device", device, rate)
            .await;
    }
    let all = Some(state.limits.guesses);
    counted
        .take_for_client(tx, "guesses-per-address", client, rate, all)
        .await
}

/// Counts a guess at a code that was sent: as one of all callers, and as a failure of its number,
/// until [`forget_failures`]. Invented challenges do not use up what all callers have.
///
/// # Errors
/// 429 when that is used up, or while the number's earlier failures have to be waited for.
pub(super) async fn count_failure(
    state: &AppState,
    tx: &mut Tx,
    customer: CustomerId,
    device: Option<Device>,
) -> Result<(), Problem> {
    if device.is_none() {
        let rate = state.limits.guesses;
        state.rate_limits.take_in(tx, "guesses", b"", rate).await?;
    }
    let rate = state.limits.wrong_codes;
    let growth = Growth {
        first_failure: rate.burst(),
        first_wait: FIRST_WAIT.min(rate.refill_period()),
        max_wait: rate.refill_period(),
    };
    let delay = delay_key(state, customer, device);
    match backoff::count_failure(tx, &delay, growth).await? {
        Some(wait) => Err(too_many_requests("wrong-codes", wait)),
        None => Ok(()),
    }
}

/// Forgets the failures, after the right code.
pub(super) async fn forget_failures(
    state: &AppState,
    tx: &mut Tx,
    customer: CustomerId,
    device: Option<Device>,
) -> Result<(), sqlx::Error> {
    backoff::clear(tx, &delay_key(state, customer, device)).await
}

/// Whose limits they are: the number's, or the browser's for this number.
fn subject(customer: CustomerId, device: Option<Device>) -> Vec<u8> {
    let device = device.as_ref().map_or(&[][..], Device::as_bytes);
    [customer.0.as_bytes(), device].concat()
}

fn delay_key(state: &AppState, customer: CustomerId, device: Option<Device>) -> Vec<u8> {
    let subject = subject(customer, device);
    state.sign_in_key.mac("wrong-code-delay", &[&subject])
}
