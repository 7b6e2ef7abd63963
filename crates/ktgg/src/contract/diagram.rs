//! The board as Mermaid flowcharts, one for each service, in the colours of event storming.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::board::{Board, Event, Lane};

/// The colours of event storming, with ink that is readable on them in light and dark pages.
const CLASSES: &str = "  classDef actor fill:#fff3bf,stroke:#c9b458,color:#22262b
  classDef command fill:#9ccbf7,stroke:#5a9bd5,color:#22262b
  classDef aggregate fill:#ffe48a,stroke:#c9a227,color:#22262b
  classDef event fill:#ffbb6b,stroke:#d98a2b,color:#22262b
  classDef policy fill:#dcc5f7,stroke:#9a77c7,color:#22262b
";

/// Actor → command → aggregate → event, and event → policy → event, of one service.
pub(super) fn flowchart(board: &Board, lane: &Lane) -> String {
    let mut chart = String::from("flowchart LR\n");
    let mut line = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(chart, "  {text}");
    };
    line(format!("aggregate[{}]:::aggregate", lane.aggregate));
    for (command, id) in lane.commands.iter().zip(1..) {
        line(format!("c{id}[{}]:::command", command.name));
        for actor in &command.actors {
            line(format!("{actor}([{actor}]):::actor --> c{id}"));
        }
        line(format!("c{id} --> aggregate"));
    }
    for event in &lane.events {
        line(format!("aggregate --> e{}", event.number));
    }
    let mut shown: BTreeSet<usize> = lane.events.iter().map(|event| event.number).collect();
    for (policy, id) in lane.policies.iter().zip(1..) {
        line(format!("p{id}[/{}/]:::policy", policy.name));
        if policy.whenever.is_empty() {
            line(format!("clock((clock)) --> p{id}"));
        }
        for number in &policy.whenever {
            line(format!("e{number} --> p{id}"));
        }
        shown.extend(&policy.whenever);
        let caused = board
            .events()
            .filter(|(_, event)| policy.causes.contains(&event.name));
        for (_, event) in caused {
            line(format!("p{id} -.-> e{}", event.number));
            shown.insert(event.number);
        }
    }
    for (source, event) in board
        .events()
        .filter(|(_, event)| shown.contains(&event.number))
    {
        line(format!(
            "e{}[{}]:::event",
            event.number,
            label(lane, source, event)
        ));
    }
    chart + CLASSES
}

/// `7 ConsultationCreated`, with the service that publishes it where that is another one.
fn label(lane: &Lane, source: &Lane, event: &Event) -> String {
    let origin = if source.service == lane.service {
        String::new()
    } else {
        format!("<br>{}", source.service)
    };
    format!("\"{} {}{origin}\"", event.number, event.name)
}

#[cfg(test)]
mod tests {
    use super::super::board::{Command, Policy};
    use super::*;

    fn board() -> Board {
        let event = |number, name: &str| Event {
            number,
            name: name.to_owned(),
            type_name: "ktgg.ProjectEnded.v1",
            summary: String::new(),
        };
        let lane = |service: &str, events| Lane {
            service: service.to_owned(),
            aggregate: "Aggregate".to_owned(),
            commands: Vec::new(),
            events,
            policies: Vec::new(),
        };
        let mut consultation = lane("consultation", vec![event(2, "ConsultationCreated")]);
        consultation.commands.push(Command {
            name: "CreateConsultation".to_owned(),
            actors: vec!["customer".to_owned()],
            ..Command::default()
        });
        consultation.policies.push(Policy {
            name: "EditSalesman".to_owned(),
            whenever: vec![1],
            causes: vec!["ConsultationCreated".to_owned()],
            summaries: Vec::new(),
        });
        consultation.policies.push(Policy {
            name: "Remind".to_owned(),
            whenever: Vec::new(),
            causes: Vec::new(),
            summaries: Vec::new(),
        });
        Board {
            lanes: vec![
                lane("salesman-match", vec![event(1, "SalesmanMatched")]),
                consultation,
            ],
        }
    }

    fn chart() -> String {
        let board = board();
        flowchart(&board, &board.lanes[1])
    }

    #[test]
    fn a_command_leads_from_its_actor_to_the_aggregate() {
        assert!(chart().contains("customer([customer]):::actor --> c1\n  c1 --> aggregate\n"));
    }

    #[test]
    fn an_event_of_another_service_names_that_service() {
        let chart = chart();
        assert!(
            chart.contains("e1[\"1 SalesmanMatched<br>salesman-match\"]:::event"),
            "{chart}"
        );
        assert!(
            chart.contains("e2[\"2 ConsultationCreated\"]:::event"),
            "{chart}"
        );
    }

    #[test]
    fn a_policy_stands_between_its_event_and_what_it_causes() {
        let chart = chart();
        assert!(
            chart.contains("e1 --> p1\n") && chart.contains("p1 -.-> e2\n"),
            "{chart}"
        );
        assert!(chart.contains("clock((clock)) --> p2\n"), "{chart}");
    }
}
