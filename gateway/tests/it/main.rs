//! The gateway's guarantees to browsers and services, tested against services that echo requests.

mod accounts;
mod audit;
mod csrf;
mod customer_data;
mod erasure;
mod exit_codes;
mod fake_services;
mod forged_identity;
mod forwarding;
mod invitations;
mod one_time_codes;
mod openapi;
mod passwords;
mod request_limits;
mod response_headers;
mod routing;
mod security_events;
mod sessions;
mod shutdown;
mod sms_relay;
mod staff_directory;
mod stream_connection;
mod stream_events;
mod test_gateway;
mod typed_input;
