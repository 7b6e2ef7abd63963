//! An attempt with a password, which is counted before the password is verified.

use service_kit::{Problem, Tx};

use crate::auth::backoff::{self, PASSWORDS};
use crate::auth::passwords::Slot;
use crate::auth::security_log::About;
use crate::edge::client_ip::ClientIp;
use crate::edge::rate_limit::too_many_requests;
use crate::state::AppState;

pub(super) struct Attempt {
    /// The key of its [`backoff`].
    key: Vec<u8>,
}

impl Attempt {
    /// Counts an attempt as failed, and returns it with a slot to verify the password in.
    ///
    /// Only attempts that will be verified are counted, so the slot comes first. The login's limit
    /// comes last and in the same transaction as the backoff, so that requests from one address,
    /// which the backoff refuses, do not use it up.
    ///
    /// # Errors
    /// 429 when the backoff or the login's limit refuse it, 503 without a free slot.
    pub(super) async fn begin<'a>(
        state: &'a AppState,
        login: &str,
        client: ClientIp,
    ) -> Result<(Slot<'a>, Self), Problem> {
        let about = About::client(client).and_login(login, None);
        let begun = Self::count(state, login, client).await;
        begun.map_err(state.security.limited(&about))
    }

    async fn count<'a>(
        state: &'a AppState,
        login: &str,
        client: ClientIp,
    ) -> Result<(Slot<'a>, Self), Problem> {
        let network = client.network().to_string();
        let parts = [login.as_bytes(), network.as_bytes()];
        let key = state.sign_in_key.mac("sign-in-delay", &parts);
        // Without a slot for callers who have to wait anyway.
        if let Some(wait) = backoff::remaining(state.db.pool(), &key, state.db.now()).await? {
            return Err(too_many_requests("wrong-passwords", wait));
        }
        let slot = state.passwords.slot().await?;
        let mut tx = state.db.begin().await?;
        if let Some(wait) = backoff::count_failure(&mut tx, &key, PASSWORDS).await? {
            return Err(too_many_requests("wrong-passwords", wait));
        }
        let rate = state.limits.sign_ins_per_login;
        state
            .rate_limits
            .take_in(&mut tx, "sign-ins-per-login", login.as_bytes(), rate)
            .await?;
        tx.commit().await?;
        Ok((slot, Self { key }))
    }

    /// Forgets this and earlier failures, because the password was right.
    pub(super) async fn succeed(self, tx: &mut Tx) -> Result<(), sqlx::Error> {
        backoff::clear(tx, &self.key).await
    }
}
