use super::*;
use serde_json::json;

fn mapping(organizations: &str, shape: Shape) -> ClaimMapping {
    ClaimMapping {
        organizations: organizations.to_owned(),
        shape,
        ..ClaimMapping::default()
    }
}

/// `slug/role` of each membership.
fn read_as(mapping: &ClaimMapping, claims: Value) -> Vec<String> {
    memberships(mapping, &claims)
        .unwrap()
        .into_iter()
        .map(|each| format!("{}/{}", each.slug, each.role))
        .collect()
}

#[test]
fn the_default_fits_the_embedded_provider() {
    let claims = json!({"organizations": [
        {"id": "org_1", "slug": "ua", "name": "United Air Lines", "role": "admin"},
        {"id": "org_2", "slug": "dl", "name": "Delta", "role": "member"},
    ]});
    let found = memberships(&ClaimMapping::default(), &claims).unwrap();
    let names: Vec<&str> = found.iter().map(|each| each.name.as_str()).collect();
    assert_eq!(names, ["Delta", "United Air Lines"]);
    assert_eq!(
        found[1],
        Membership {
            id: "org_1".to_owned(),
            slug: "ua".to_owned(),
            name: "United Air Lines".to_owned(),
            role: "admin".to_owned(),
        }
    );
}

#[test]
fn one_organization_as_a_scalar() {
    let claims = json!({"org_id": "org_2x"});
    assert_eq!(
        read_as(&mapping("/org_id", Shape::Scalar), claims),
        ["org_2x/member"]
    );
}

#[test]
fn an_array_of_names() {
    let claims = json!({"groups": ["ua", "dl", "ua"]});
    assert_eq!(
        read_as(&mapping("/groups", Shape::Strings), claims),
        ["dl/member", "ua/member"]
    );
}

#[test]
fn an_array_of_pairs() {
    let claims = json!({"organization_roles": ["ua:admin", "dl:member", "b6"]});
    assert_eq!(
        read_as(&mapping("/organization_roles", Shape::Pairs), claims),
        ["b6/member", "dl/member", "ua/admin"]
    );
    let paths = ClaimMapping {
        separator: "/".to_owned(),
        roles: [("admins".to_owned(), "admin".to_owned())].into(),
        ..mapping("/groups", Shape::Pairs)
    };
    assert_eq!(
        read_as(&paths, json!({"groups": ["/ua/admins", "/dl"]})),
        ["dl/member", "ua/admin"]
    );
}

#[test]
fn an_object_keyed_by_organization() {
    let claims = json!({"organization": {
        "ua": {"id": "1", "name": "United", "role": "admin"},
        "dl": "owner",
        "b6": ["editor", "viewer"],
        "9e": {},
    }});
    let found = read_as(&mapping("/organization", Shape::ByOrganization), claims);
    assert_eq!(found, ["9e/member", "b6/editor", "dl/owner", "ua/admin"]);
}

#[test]
fn an_object_keyed_by_role() {
    let pointer = "/urn:zitadel:iam:org:project:roles";
    let roles = json!({"admin": {"ua": "united.example"}, "member": ["dl", "9e"], "guest": "b6"});
    for claims in [
        json!({"urn:zitadel:iam:org:project:roles": roles}),
        json!({"urn:zitadel:iam:org:project:roles": [roles]}),
    ] {
        let found = read_as(&mapping(pointer, Shape::ByRole), claims);
        assert_eq!(found, ["9e/member", "b6/guest", "dl/member", "ua/admin"]);
    }
}

#[test]
fn a_namespaced_claim_with_slashes_is_reached_by_an_escaped_pointer() {
    let claims = json!({"https://ns.example/orgs": ["ua"]});
    let mapping = mapping("/https:~1~1ns.example~1orgs", Shape::Strings);
    assert_eq!(read_as(&mapping, claims), ["ua/member"]);
}

#[test]
fn an_absent_claim_means_no_organization() {
    for claims in [
        json!({}),
        json!({"organizations": null}),
        json!({"organizations": []}),
    ] {
        assert!(
            memberships(&ClaimMapping::default(), &claims)
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn an_empty_name_is_never_an_organization() {
    let claims = json!({"groups": ["", " ", "a\u{7}b", "ua"]});
    assert_eq!(
        read_as(&mapping("/groups", Shape::Strings), claims),
        ["ua/member"]
    );
    let unnamed = json!({"organizations": [{"name": "No slug"}]});
    assert!(read_as(&ClaimMapping::default(), unnamed).is_empty());
}

#[test]
fn another_shape_is_an_error_and_not_an_empty_list() {
    let error = memberships(&ClaimMapping::default(), &json!({"organizations": "ua"})).unwrap_err();
    assert!(matches!(error, ClaimsError::Shape { .. }));
    let mixed = json!({"groups": ["ua", 7]});
    assert!(memberships(&mapping("/groups", Shape::Strings), &mixed).is_err());
}

#[test]
fn a_claim_that_was_too_long_is_an_error_and_not_an_empty_list() {
    let groups = mapping("/groups", Shape::Strings);
    for claims in [
        json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {}}),
        json!({"hasgroups": true}),
    ] {
        assert_eq!(
            memberships(&groups, &claims),
            Err(ClaimsError::Omitted("groups".to_owned()))
        );
    }
}

#[test]
fn somebody_always_has_a_name() {
    let mapping = ClaimMapping::default();
    let named = |claims: Value| profile(&mapping, "user_1", &claims).name;
    assert_eq!(
        named(json!({"name": "Ada", "email": "ada@x.example"})),
        "Ada"
    );
    assert_eq!(
        named(json!({"name": "", "preferred_username": "ada"})),
        "ada"
    );
    assert_eq!(named(json!({"email": "ada@x.example"})), "ada@x.example");
    assert_eq!(named(json!({})), "user_1");
}
