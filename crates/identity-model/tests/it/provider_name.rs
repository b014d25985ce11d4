//! A provider's name means the same whichever way it came in.

use std::collections::HashSet;

use identity_model::{EnumCount, IntoEnumIterator, Provider, ProviderName};
use proptest::prelude::*;

/// The name as each door lets it in; they must agree on whether it is one at all.
fn by_every_door(text: &str) -> Option<[ProviderName; 4]> {
    let json = serde_json::to_string(text).unwrap();
    let doors = [
        ProviderName::new(text).ok(),
        text.parse().ok(),
        ProviderName::try_from(text).ok(),
        serde_json::from_str(&json).ok(),
    ];
    assert!(
        doors
            .iter()
            .all(|name| name.is_some() == doors[0].is_some()),
        "{text:?}"
    );
    let [Some(a), Some(b), Some(c), Some(d)] = doors else {
        return None;
    };
    Some([a, b, c, d])
}

fn agrees_everywhere(text: &str) {
    let Some(names) = by_every_door(text) else {
        return assert_eq!(text, "");
    };
    let known = text.parse::<Provider>().ok();
    for name in &names {
        assert_eq!(name, &names[0]);
        assert_eq!(name.known(), known);
        assert_eq!(name.as_str(), text);
        assert_eq!(name.to_string(), text);
        assert_eq!(
            serde_json::to_string(name).unwrap(),
            serde_json::to_string(text).unwrap()
        );
        for provider in Provider::iter() {
            assert_eq!(*name == provider, provider.as_str() == text);
            assert_eq!(provider == *name, provider.as_str() == text);
        }
    }
    assert_eq!(HashSet::from(names).len(), 1);
}

#[test]
fn every_known_name_is_known() {
    for provider in Provider::iter() {
        agrees_everywhere(provider.as_str());
        let name = ProviderName::from(provider);
        assert_eq!(name.known(), Some(provider));
        assert_eq!(name, provider.to_string().parse::<ProviderName>().unwrap());
    }
    assert_eq!(Provider::iter().count(), Provider::COUNT);
}

#[test]
fn names_are_ordered_by_their_text() {
    let mut names = ["yahoo", "brand-new", "ad"].map(|text| ProviderName::new(text).unwrap());
    names.sort();
    assert_eq!(
        names.map(|name| name.to_string()),
        ["ad", "brand-new", "yahoo"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_means_the_same_by_every_door(text in any::<String>()) {
        agrees_everywhere(&text);
    }

    #[test]
    fn what_is_nearly_known_is_not(index in 0..Provider::COUNT, before in "[ A-Z]{0,1}", after in "[ a-z]{0,1}") {
        let known = Provider::iter().nth(index).unwrap();
        agrees_everywhere(&format!("{before}{known}{after}"));
        agrees_everywhere(&known.as_str().to_uppercase());
    }
}
