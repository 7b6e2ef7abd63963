//! The board as tables, for those who search and those who copy.

use std::fmt::Write as _;

use super::board::{Board, Command, Happening, Lane, Reaction};
use super::schema_path;

/// The page.
pub(super) fn markdown(board: &Board) -> String {
    let mut page = String::from(
        "# Commands, events and policies\n\n\
         Written by `cargo xtask generate` from the code: the routes' descriptions, the services' policies and the contract of the events. The\n\
         topics are in [asyncapi.json](asyncapi.json), the routes in [openapi.json](openapi.json).\n\n\
         ![The board: one lane for each service](events.svg)\n",
    );
    section(
        &mut page,
        "Events",
        &["", "event", "published by", "tells", "who reacts"],
        events(board),
    );
    section(
        &mut page,
        "From actor to event",
        &["actor", "command", "aggregate", "events", "what it does"],
        commands(board),
    );
    section(
        &mut page,
        "From event to policy",
        &["whenever", "policy", "in service", "what it does", "events"],
        policies(board),
    );
    page
}

fn section(page: &mut String, title: &str, columns: &[&str], rows: Vec<Vec<String>>) {
    // Writing to a text cannot fail.
    let _ = write!(
        page,
        "\n## {title}\n\n| {} |\n|{}\n",
        columns.join(" | "),
        " --- |".repeat(columns.len())
    );
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
}

fn events(board: &Board) -> Vec<Vec<String>> {
    let row = |(lane, event): (&Lane, &Happening)| {
        let mut readers: Vec<String> = board
            .policies()
            .filter(|(_, policy)| policy.whenever.contains(&event.number))
            .map(|(lane, policy)| format!("{} ({})", policy.name, lane.service))
            .collect();
        readers.dedup();
        vec![
            event.number.to_string(),
            format!("[{}]({})", event.name, schema_path(event.type_name)),
            lane.service.clone(),
            event.tells.clone(),
            readers.join(", "),
        ]
    };
    board.events().map(row).collect()
}

fn commands(board: &Board) -> Vec<Vec<String>> {
    let row = |lane: &Lane, command: &Command| {
        let routes: Vec<String> = command
            .routes
            .iter()
            .map(|route| format!("`{route}`"))
            .collect();
        vec![
            command.actors.join(", "),
            format!("**{}** {}", command.name, routes.join(" ")),
            lane.aggregate.clone(),
            linked_all(board, &command.events),
            command.does.clone(),
        ]
    };
    board
        .lanes
        .iter()
        .flat_map(|lane| lane.commands.iter().map(move |command| row(lane, command)))
        .collect()
}

fn policies(board: &Board) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (lane, policy) in board.policies() {
        for (numbers, does) in &policy.does {
            rows.push(vec![
                whenever(board, policy, numbers),
                format!("**{}**", policy.name),
                lane.service.clone(),
                does.clone(),
                linked_all(board, &policy.causes),
            ]);
        }
    }
    rows
}

fn whenever(board: &Board, policy: &Reaction, numbers: &[usize]) -> String {
    if policy.whenever.is_empty() {
        return "*the clock*".to_owned();
    }
    let named = board
        .events()
        .filter(|(_, event)| numbers.contains(&event.number));
    named
        .map(|(_, event)| linked(event))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Events by their names, in the order of their numbers.
fn linked_all(board: &Board, names: &[String]) -> String {
    let named = board
        .events()
        .filter(|(_, event)| names.contains(&event.name));
    named
        .map(|(_, event)| linked(event))
        .collect::<Vec<_>>()
        .join(", ")
}

/// An event's name with its number, linked to its schema.
fn linked(event: &Happening) -> String {
    format!(
        "[{} {}]({})",
        event.number,
        event.name,
        schema_path(event.type_name)
    )
}
