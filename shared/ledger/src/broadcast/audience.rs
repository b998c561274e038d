//! Those who are caught up, by what they want.

use std::collections::HashMap;

use crate::{Connection, Filter};

/// Connections that have all they want of what was read so far. An event concerns only those who want it: thousands
/// with other filters are not even looked at.
#[derive(Default)]
pub(super) struct Audience {
    rooms: HashMap<Filter, Vec<Connection>>,
}

impl Audience {
    pub(super) fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    pub(super) fn seat(&mut self, connection: Connection) {
        match self.rooms.get_mut(&connection.filter) {
            Some(room) => room.push(connection),
            None => drop(self.rooms.insert(connection.filter.clone(), vec![connection])),
        }
    }

    /// Takes out those with this filter.
    pub(super) fn rise(&mut self, filter: &Filter) -> Vec<Connection> {
        self.rooms.remove(filter).unwrap_or_default()
    }

    /// Those who do not want everything.
    pub(super) fn choosy(&self) -> impl Iterator<Item = &Connection> {
        self.rooms.iter().filter(|(filter, _)| !filter.is_empty()).flat_map(|(_, room)| room)
    }

    /// Forgets whom the store has forgotten.
    pub(super) fn retain(&mut self, mut is_there: impl FnMut(&Connection) -> bool) {
        self.rooms.retain(|_, room| {
            room.retain(|connection| is_there(connection));
            !room.is_empty()
        });
    }
}
