//! Made-up populations of any size, the same for the same numbers.

use std::sync::Arc;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::account::{Account, Identity, IdentityId};
use crate::clock::Millis;
use crate::seed::{Seed, connection_id};
use crate::tenant::{Connection, Tenant};

/// 2023-01-01T00:00:00Z and a year of milliseconds: when generated users were created.
const FROM: i64 = 1_672_531_200_000;
const YEAR: i64 = 31_536_000_000;

const DATABASE: &str = "Username-Password-Authentication";

const FIRST: &[&str] = &[
    "Ada", "Bo", "Chidi", "Dana", "Emeka", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kofi", "Lena",
    "Mina", "Noor", "Olga", "Pia", "Quinn", "Rosa", "Sana", "Tomas",
];

const LAST: &[&str] = &[
    "Abe", "Berg", "Castro", "Dahl", "Eze", "Fischer", "Garcia", "Haddad", "Ito", "Jensen", "Kaya",
    "Lopez", "Moreau", "Novak", "Okafor", "Petrov", "Rossi", "Silva", "Tanaka", "Weber",
];

/// What kind of users to make, and how many.
///
/// ```
/// use unlink_sandbox::{Population, Seed};
///
/// let seed: Seed = Population::new(1_000).linked(0.3).rng_seed(7).generate();
/// # let _ = seed;
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is made until `generate`"]
pub struct Population {
    users: usize,
    linked: f64,
    rng_seed: u64,
}

impl Population {
    /// This many users; three in ten have linked accounts unless said otherwise.
    pub const fn new(users: usize) -> Self {
        Self {
            users,
            linked: 0.3,
            rng_seed: 0,
        }
    }

    /// The share of users with linked accounts, from 0 to 1.
    pub const fn linked(mut self, share: f64) -> Self {
        self.linked = share;
        self
    }

    /// Another population of the same kind.
    pub const fn rng_seed(mut self, seed: u64) -> Self {
        self.rng_seed = seed;
        self
    }

    /// Makes it.
    #[must_use]
    pub fn generate(&self) -> Seed {
        let mut rng = Rng::with_seed(self.rng_seed);
        let strategies = [
            (DATABASE, "auth0"),
            ("google-oauth2", "google-oauth2"),
            ("github", "github"),
            ("acme-saml", "samlp"),
        ];
        let connections = strategies.map(|(name, strategy)| Connection {
            id: connection_id(name),
            name: name.into(),
            strategy: strategy.into(),
        });
        let mut tenant = Tenant::new(connections.into());
        for number in 0..self.users {
            let account = user(&mut rng, number, self.linked);
            // Every id holds the user's number, so none is there twice.
            let _ = tenant.insert(account);
        }
        Seed { tenant }
    }
}

fn user(rng: &mut Rng, number: usize, linked: f64) -> Account {
    let person = Person::new(rng, number);
    let id = format!("{number:08x}{:016x}", rng.u64(..));
    let main = identity(
        "auth0",
        IdentityId::Text(id.into()),
        DATABASE,
        false,
        Map::new(),
    );
    let mut identities = vec![main];
    if rng.f64() < linked {
        let google =
            IdentityId::Text(format!("1{:09}{:011}", rng.u32(..1_000_000_000), number).into());
        identities.push(identity(
            "google-oauth2",
            google,
            "google-oauth2",
            true,
            person.profile("gmail.com"),
        ));
        if rng.f64() < 0.3 {
            let github = IdentityId::Integer(number as u64 + 1_000_000);
            let profile = person.profile("users.noreply.example.com");
            identities.push(identity("github", github, "github", true, profile));
        }
        if rng.f64() < 0.1 {
            let saml =
                IdentityId::Text(format!("acme-saml|{}", person.email("acme.example.com")).into());
            let profile = person.profile("acme.example.com");
            identities.push(identity("samlp", saml, "acme-saml", false, profile));
        }
    }
    let mut attributes = person.attributes(rng);
    Account {
        user_id: identities[0].account_id(),
        updated_at: attributes.remove("updated_at"),
        attributes: Arc::new(attributes),
        filled_in: Map::new(),
        restored_at: None,
        identities,
    }
}

fn identity(
    provider: &str,
    user_id: IdentityId,
    connection: &str,
    social: bool,
    profile: Map<String, Value>,
) -> Identity {
    Identity {
        provider: provider.into(),
        user_id,
        connection: connection.into(),
        is_social: Some(social),
        tokens: Map::new(),
        profile: Arc::new(profile),
    }
}

struct Person {
    first: &'static str,
    last: &'static str,
    number: usize,
}

impl Person {
    fn new(rng: &mut Rng, number: usize) -> Self {
        Self {
            first: FIRST[rng.usize(..FIRST.len())],
            last: LAST[rng.usize(..LAST.len())],
            number,
        }
    }

    fn email(&self, host: &str) -> String {
        format!("{}.{}{}@{host}", self.first, self.last, self.number).to_lowercase()
    }

    fn profile(&self, host: &str) -> Map<String, Value> {
        fields(json!({
            "email": self.email(host),
            "email_verified": true,
            "name": format!("{} {}", self.first, self.last),
        }))
    }

    fn attributes(&self, rng: &mut Rng) -> Map<String, Value> {
        let created = FROM + rng.i64(0..YEAR);
        let login = created + rng.i64(0..YEAR);
        let email = self.email("example.com");
        fields(json!({
            "created_at": Millis(created).iso(),
            "email_verified": rng.bool(),
            "last_login": Millis(login).iso(),
            "logins_count": rng.u32(1..200),
            "name": email,
            "nickname": format!("{}.{}", self.first, self.last).to_lowercase(),
            "updated_at": Millis(login).iso(),
            "email": email,
        }))
    }
}

fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::Population;
    use crate::Seed;

    #[test]
    fn a_population_is_valid_as_a_seed_and_comes_out_the_same_again() {
        let make = |seed| {
            Population::new(2_000)
                .linked(0.3)
                .rng_seed(seed)
                .generate()
                .tenant
                .to_json()
        };
        let one = make(1);
        assert_eq!(one, make(1));
        assert_ne!(one, make(2));
        assert_eq!(
            Seed::from_json(&one.to_string()).unwrap().tenant.to_json(),
            one
        );
        let users = one["users"].as_array().unwrap();
        let linked = users
            .iter()
            .filter(|user| user["identities"].as_array().unwrap().len() > 1)
            .count();
        assert_eq!(users.len(), 2_000);
        assert!((500..700).contains(&linked), "{linked}");
    }
}
