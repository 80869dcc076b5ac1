//! Refusals as providers and gateways send them.

use super::*;

fn check(status: u16, body: &str, expected: Refusal) {
    let said = Said::of_body(body);
    assert_eq!(said.means(said.status(status)), expected, "{status} {body}");
}

fn error(kind: &str, message: &str) -> String {
    format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#)
}

#[test]
fn a_status_says_what_it_says_in_http() {
    for (status, expected) in [
        (400, Refusal::Refused),
        (401, Refusal::Auth),
        (402, Refusal::Quota),
        (403, Refusal::Forbidden),
        (407, Refusal::Auth),
        (404, Refusal::Refused),
        (408, Refusal::Transient),
        (409, Refusal::Transient),
        (413, Refusal::TooLong),
        (422, Refusal::Refused),
        (429, Refusal::RateLimited),
        (500, Refusal::Transient),
        (502, Refusal::Transient),
        (503, Refusal::Overloaded),
        (504, Refusal::Transient),
        (529, Refusal::Overloaded),
        (307, Refusal::Refused),
    ] {
        for body in ["", "<html>no</html>", "{}", "[]", "null", r#"{"error":null}"#] {
            check(status, body, expected);
        }
    }
}

#[test]
fn a_spent_budget_is_known_by_its_body() {
    let quota = r#"{"error":{"message":"You exceeded your current quota, please check your plan
        and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    check(429, quota, Refusal::Quota);
    check(
        400,
        &error("invalid_request_error", "Your credit balance is too low to access"),
        Refusal::Quota,
    );
    let spent =
        "You have reached your specified workspace API usage limits. You will regain access";
    check(400, &error("invalid_request_error", spent), Refusal::Quota);
    let enforced = r#"{"type":"error","error":{"type":"rate_limit_error","message":"..",
        "details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    check(429, enforced, Refusal::Quota);
    for code in [
        "credit_balance_exhausted",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    ] {
        check(429, &format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#), Refusal::Quota);
    }
    check(403, &error("billing_error", "no"), Refusal::Quota);
}

#[test]
fn a_rate_limit_that_tells_of_billing_is_a_rate_limit() {
    let hint = r#"{"error":{"message":"Rate limit reached for small on tokens per min. You can increase it by
        adding a payment method at https://platform.openai.com/account/billing.","type":"tokens",
        "code":"rate_limit_exceeded"}}"#;
    check(429, hint, Refusal::RateLimited);
    let gemini = r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan",
        "status":"RESOURCE_EXHAUSTED"}}]"#;
    check(429, gemini, Refusal::RateLimited);
}

#[test]
fn a_prompt_that_is_too_long_is_known_by_its_body() {
    check(
        400,
        &error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        Refusal::TooLong,
    );
    check(400, r#"{"error":{"message":"..","code":"context_length_exceeded"}}"#, Refusal::TooLong);
    check(
        400,
        r#"{"object":"error","message":"This model's maximum context length is 2048 tokens","code":400}"#,
        Refusal::TooLong,
    );
    check(
        500,
        r#"{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}"#,
        Refusal::TooLong,
    );
    check(
        400,
        r#"{"error":{"code":400,"message":"try it","type":"exceed_context_size_error"}}"#,
        Refusal::TooLong,
    );
    check(
        429,
        r#"{"error":{"message":"Request too large for small on tokens per min (TPM): Limit 30000, Requested 40000",
        "type":"tokens","code":"rate_limit_exceeded"}}"#,
        Refusal::TooLong,
    );
    check(
        429,
        &error("rate_limit_error", "Extra usage is required for long context requests."),
        Refusal::TooLong,
    );
}

#[test]
fn what_a_key_may_not_do_is_told_apart_from_a_wrong_key_and_a_wrong_request() {
    let coded = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#);
    check(403, &error("permission_error", "Your API key may not use small"), Refusal::Forbidden);
    check(
        403,
        r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}"#,
        Refusal::Forbidden,
    );
    check(403, &coded("unsupported_country_region_territory"), Refusal::Forbidden);
    for about_key in [
        coded("invalid_api_key"),
        error("authentication_error", "no"),
        error("permission_denied", "Your API key was reported as leaked. Please use another one."),
    ] {
        check(403, &about_key, Refusal::Auth);
    }
    for about_request in [
        coded("model_not_found"),
        coded("content_policy_violation"),
        coded("content_filter"),
        error("x", "This model requires moderation on the provider's side"),
        error("x", "Your input was flagged"),
        r#"{"error":{"code":403,"message":"no","metadata":{"reasons":["violence"],"flagged_input":".."}}}"#
            .to_owned(),
    ] {
        check(403, &about_request, Refusal::Refused);
        check(400, &about_request, Refusal::Refused);
        check(401, &about_request, Refusal::Auth);
        check(429, &about_request, Refusal::RateLimited);
    }
    let no_reasons = r#"{"error":{"code":403,"message":"no","metadata":{"reasons":[]}}}"#;
    check(403, no_reasons, Refusal::Forbidden);
}

#[test]
fn an_error_within_a_success_is_known_by_its_code() {
    check(200, &error("overloaded_error", "Overloaded"), Refusal::Overloaded);
    check(200, &error("rate_limit_error", "no"), Refusal::RateLimited);
    check(200, &error("api_error", "no"), Refusal::Transient);
    check(200, &error("authentication_error", "no"), Refusal::Auth);
    check(200, &error("invalid_request_error", "no"), Refusal::Refused);
    check(200, r#"{"error":{"code":402,"message":"no"}}"#, Refusal::Quota);
    check(200, r#"{"error":{"code":"503","message":"no"}}"#, Refusal::Overloaded);
    check(200, r#"{"error":{"code":"429","message":"no"}}"#, Refusal::RateLimited);
    check(200, r#"{"error":{"code":"401","message":"no"}}"#, Refusal::Auth);
    check(200, r#"{"error":{"code":"3505","message":"no"}}"#, Refusal::Transient);
    check(200, r#"{"error":{"status":"402","message":"no"}}"#, Refusal::Quota);
    check(200, &error("permission_error", "no"), Refusal::Forbidden);
    check(200, r#"{"error":{"code":503,"message":"no"}}"#, Refusal::Overloaded);
    check(200, r#"{"error":"something broke"}"#, Refusal::Transient);
    check(500, &error("overloaded_error", "no"), Refusal::Overloaded);
    check(
        400,
        r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid one."}}"#,
        Refusal::Auth,
    );
}

#[test]
fn what_is_said_becomes_one_line_of_bounded_size() {
    let said = |body: &str| Said::of_body(body).words(str::to_owned);
    assert_eq!(said(&error("x", "one\\ntwo\\u0007three")), "one two three");
    assert_eq!(said(r#"{"detail":"not here"}"#), "not here");
    assert_eq!(said(r#"{"error":"model 'x' not found"}"#), "model 'x' not found");
    assert_eq!(said("<html>\r\n <p>Bad  Gateway</p>"), "<html> <p>Bad Gateway</p>");
    assert_eq!(said(" "), "it does not say why");
    let turned = "a\u{202e}b\u{202a} c\u{2066}d\u{2069}\u{200e}\u{200f}e \u{202c}f";
    assert_eq!(said(turned), "ab cde f", "nothing turns the text that is behind it");
    assert_eq!(said(r#"{"why":"sk\/1"}"#), r#"{"why":"sk/1"}"#);
    let long = said(&"\u{e4}".repeat(MAX_SAID_BYTES));
    assert!(long.len() <= MAX_SAID_BYTES + 3 && long.ends_with("\u{e4} .."), "{}", long.len());
}
