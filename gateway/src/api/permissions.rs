//! Who may call which of the gateway's own operations. Everything else is refused.

use service_kit::http::permissions::{All, No, Own, Permission};

/// The access of anonymous callers, customers, salesmen, consultants and staff.
pub const PERMISSIONS: &[Permission] = &[
    Permission::new("GET", "/api/openapi.json", [All, All, All, All, All]),
    Permission::new("GET", "/api/stream", [No, Own, Own, Own, All]),
    Permission::new("GET", "/api/auth/me", [Own, Own, Own, Own, Own]),
    Permission::new("POST", "/api/auth/sign-out", [Own, Own, Own, Own, Own]),
    Permission::new(
        "POST",
        "/api/auth/sign-out-everywhere",
        [No, Own, Own, Own, Own],
    ),
    Permission::new("POST", "/api/auth/sign-in", [Own, Own, Own, Own, Own]),
    Permission::new("POST", "/api/auth/password", [Own, Own, Own, Own, Own]),
    Permission::new("POST", "/api/auth/password/change", [No, No, Own, Own, Own]),
    Permission::new("GET", "/api/accounts", [No, No, No, No, All]),
    Permission::new("GET", "/api/accounts/{id}", [No, No, No, No, All]),
    Permission::new("PATCH", "/api/accounts/{id}", [No, No, No, No, All]),
    Permission::new("POST", "/api/accounts/invitations", [No, No, No, No, All]),
    Permission::new("GET", "/api/audit", [No, No, No, No, All]),
    Permission::new("GET", "/api/auth/consent", [All, All, All, All, All]),
    Permission::new("POST", "/api/auth/otp", [Own, Own, Own, Own, Own]),
    Permission::new("POST", "/api/auth/otp/verify", [Own, Own, Own, Own, Own]),
    Permission::new("GET", "/api/me/data", [No, Own, No, No, No]),
    Permission::new("GET", "/api/me/disclosures", [No, Own, No, No, No]),
    Permission::new("DELETE", "/api/me", [No, Own, No, No, No]),
];
