//! Which events somebody wants.

use eventlog_chain::Event;

/// What all wanted events have in common; nothing: all are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Only events of this type.
    pub event_type: Option<String>,
    /// Only events of this source.
    pub source_app_id: Option<String>,
}

impl Filter {
    /// Whether all events are wanted.
    pub fn is_empty(&self) -> bool {
        self.event_type.is_none() && self.source_app_id.is_none()
    }

    /// Whether events of this type and source are wanted.
    pub fn wants(&self, event_type: &str, source_app_id: &str) -> bool {
        self.event_type.as_deref().is_none_or(|wanted| wanted == event_type)
            && self.source_app_id.as_deref().is_none_or(|wanted| wanted == source_app_id)
    }

    /// Every filter that wants this event.
    pub fn all_that_want(event: &Event) -> [Self; 4] {
        let texts = |event_type: Option<&str>, source_app_id: Option<&str>| Self {
            event_type: event_type.map(str::to_owned),
            source_app_id: source_app_id.map(str::to_owned),
        };
        let (event_type, source_app_id) = (Some(&*event.event_type), Some(&*event.source_app_id));
        [
            texts(None, None),
            texts(event_type, None),
            texts(None, source_app_id),
            texts(event_type, source_app_id),
        ]
    }
}
