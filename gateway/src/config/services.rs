//! The services behind the gateway.

use std::net::{Ipv4Addr, SocketAddr};

use service_kit::config::Env;

use crate::config::urls::BaseUrl;

events::text_enum! {
    /// A service behind the gateway.
    pub enum Service {
        /// 상담.
        Consultation = "consultation",
        /// 관심사업.
        Interest = "interest",
        /// 지원사업.
        Project = "project",
        /// 영업대표와 컨설턴트.
        Salesman = "salesman",
        /// 매칭.
        SalesmanMatch = "salesman-match",
    }
}

impl Service {
    /// The port in the default URL.
    pub const fn port(self) -> u16 {
        match self {
            Self::Interest => 8082,
            Self::Consultation => 8083,
            Self::Project => 8084,
            Self::SalesmanMatch => 8085,
            Self::Salesman => 8086,
        }
    }

    /// Whether its tokens contain a customer's phone number, which it stores with the customer's
    /// interests and consultations.
    pub const fn receives_phone(self) -> bool {
        matches!(self, Self::Interest | Self::Consultation)
    }
}

/// The URL of each service: `PROJECT_URL` and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each field is the URL of the service of that name"
)]
pub struct Services {
    pub project: BaseUrl,
    pub interest: BaseUrl,
    pub consultation: BaseUrl,
    pub salesman_match: BaseUrl,
    pub salesman: BaseUrl,
}

impl Services {
    pub(super) fn read(env: &mut Env) -> Self {
        let mut url = |service: Service| {
            let name = service.as_str().replace('-', "_").to_uppercase();
            let default = SocketAddr::from((Ipv4Addr::LOCALHOST, service.port()));
            env.or(&format!("{name}_URL"), BaseUrl::from(default))
        };
        Self {
            project: url(Service::Project),
            interest: url(Service::Interest),
            consultation: url(Service::Consultation),
            salesman_match: url(Service::SalesmanMatch),
            salesman: url(Service::Salesman),
        }
    }

    /// The URL of this service.
    pub fn url(&self, service: Service) -> &BaseUrl {
        match service {
            Service::Project => &self.project,
            Service::Interest => &self.interest,
            Service::Consultation => &self.consultation,
            Service::SalesmanMatch => &self.salesman_match,
            Service::Salesman => &self.salesman,
        }
    }
}
