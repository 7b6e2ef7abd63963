//! `cargo xtask dev`: the pages with hot reload, on the API of a running `cargo xtask up`.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use sandbox::{Interrupt, tools};

use crate::frontend;
use crate::process;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct Dev {
    /// The gateway's port, as given to `up`
    #[arg(long, value_name = "N", default_value_t = 8088)]
    port: u16,
}

pub(crate) fn run(dev: &Dev, interrupt: &Interrupt) -> Result<ExitCode> {
    if let Some(message) = tools::missing_message(&frontend::missing_tools()) {
        bail!(message);
    }
    let port = dev.port;
    let gateway = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpStream::connect_timeout(&gateway, CONNECT_TIMEOUT).is_err() {
        bail!(
            "Nothing runs on port {port}. Start `cargo xtask up` in another terminal first, or \
             name its port with `--port`."
        );
    }
    frontend::install(interrupt)?;
    let mut command = frontend::npm(&["run", "dev"]);
    command.env("KTGG_API", format!("http://localhost:{port}"));
    let status = process::run(&mut command, "npm run dev", interrupt)?;
    Ok(process::exit_code(status.success()))
}
