#include "wire/sigv4.h"

#include "base/test.h"
#include "wire/crypto.h"

// A request that is right in every way, its parts open to change; expectations on top.
#define SECRET           "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define NOW              "20260901T101500Z"
#define CREDENTIAL(rest) "Credential=AKIDEXAMPLE/" rest
#define SCOPE            "20260901/us-east-1/ecs/aws4_request"
#define SIGNED           "SignedHeaders=content-type;host;x-amz-date;x-amz-target"
#define SIGNATURE_1      "38b847d390a24bfd10f087b18cb148d195d48646faeb9b5af501a33eb94a5f65"

struct world {
    struct arena arena;
    struct sigv4 *sigv4;
    struct http_header headers[8];
    struct sigv4_request request;
    struct sigv4_caller caller;
    struct sigv4_error error;
    struct str secret;
    int lookups;
};

static enum sigv4_key_state lookup(void *user, struct str key_id, struct str token, bool has_token,
                                   struct str *out_secret)
{
    struct world *world = user;

    world->lookups++;
    if (str_eq(token, STR("EXPIRED")))
        return SIGV4_KEY_EXPIRED;
    if (!str_eq(key_id, STR("AKIDEXAMPLE")) || (has_token && token.len == 0))
        return SIGV4_KEY_UNKNOWN;
    *out_secret = world->secret;
    return SIGV4_KEY_KNOWN;
}

enum { AUTHORIZATION = 4, EXTRA = 5 };

static int setup(void **state)
{
    static struct world world;

    world = (struct world){.secret = STR(SECRET)};
    world.sigv4 =
        sigv4_new(&(struct sigv4_config){.service = STR("ecs"), .lookup = lookup, .user = &world});
    world.headers[0] = (struct http_header){STR("Host"), STR("ecs.us-east-1.amazonaws.com")};
    world.headers[1] = (struct http_header){STR("Content-Type"), STR("application/x-amz-json-1.1")};
    world.headers[2] = (struct http_header){STR("X-Amz-Date"), STR(NOW)};
    world.headers[3] = (struct http_header){STR("X-Amz-Target"),
                                            STR("AmazonEC2ContainerServiceV20141113.ListClusters")};
    world.headers[AUTHORIZATION] = (struct http_header){
        STR("Authorization"),
        STR("AWS4-HMAC-SHA256 " CREDENTIAL(SCOPE) ", " SIGNED ", Signature=" SIGNATURE_1)};
    world.request = (struct sigv4_request){.method = STR("POST"),
                                           .path = STR("/"),
                                           .headers = world.headers,
                                           .headers_n = 5,
                                           .body = STR("{}")};
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    sigv4_free(world->sigv4);
    arena_deinit(&world->arena);
    return 0;
}

static void authorize(struct world *world, const char *value)
{
    world->headers[AUTHORIZATION].value = str_of(value);
}

static int verify_at(struct world *world, const char *now)
{
    time_ms t;

    assert_true(time_parse_amz(str_of(now), &t));
    return sigv4_verify(world->sigv4, &world->request, t, &world->arena, &world->caller,
                        &world->error);
}

static void expect_accepted(struct world *world)
{
    int outcome = verify_at(world, NOW);

    if (outcome != 0)
        print_message("# %.*s\n", STR_ARGS(world->error.message));
    assert_int_equal(outcome, 0);
}

static void expect_rejected_at(struct world *world, const char *now, const char *type,
                               const char *message)
{
    assert_int_equal(verify_at(world, now), SIGV4_E_REJECTED);
    EXPECT_STR(world->error.message, message);
    EXPECT_STR(world->error.type, type);
}

static void expect_rejected(struct world *world, const char *type, const char *message)
{
    expect_rejected_at(world, NOW, type, message);
}

#define MISMATCH                                                                                   \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "AWS Secret Access Key and signing method. Consult the service documentation for details."

static void the_first_vector_is_accepted(void **state)
{
    struct world *world = *state;

    expect_accepted(world);
    EXPECT_STR(world->caller.key_id, "AKIDEXAMPLE");
    EXPECT_STR(world->caller.region, "us-east-1");
    expect_accepted(world); // from the cache
    authorize(world, "AWS4-HMAC-SHA256 " CREDENTIAL(SCOPE) "," SIGNED ",Signature=" SIGNATURE_1);
    expect_accepted(world);
}

static void the_second_vector_is_accepted(void **state)
{
    struct world *world = *state;

    world->request.body = STR("{\"clusterName\":\"demo\"}");
    world->headers[3].value = STR("AmazonEC2ContainerServiceV20141113.CreateCluster");
    authorize(world, "AWS4-HMAC-SHA256 " CREDENTIAL(
                         SCOPE) ", " SIGNED ", Signature="
                                "236af0925b11d76cb2329258e582b737b782101afe33aae761cb5c328d6e83e4");
    expect_accepted(world);
}

static void the_third_vector_with_its_token_is_accepted(void **state)
{
    struct world *world = *state;

    world->headers[EXTRA] =
        (struct http_header){STR("X-Amz-Security-Token"), STR("SESSIONTOKENEXAMPLE")};
    world->request.headers_n = 6;
    authorize(world, "AWS4-HMAC-SHA256 " CREDENTIAL(
                         SCOPE) ", SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
                                "x-amz-target, Signature="
                                "b209d5060a437900406d3d0f12c022307d82093f35699f3025220c5d8d594b51");
    expect_accepted(world);
}

static void anything_altered_is_a_mismatch(void **state)
{
    struct world *world = *state;
    struct sigv4_request good = world->request;

    world->request.body = STR("{ }");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
    world->request = good;
    world->request.method = STR("GET");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
    world->request = good;
    world->request.path = STR("/x");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
    world->request = good;
    world->request.query = STR("a=b");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
    world->request = good;
    world->headers[3].value = STR("AmazonEC2ContainerServiceV20141113.DeleteCluster");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
}

static void a_short_or_upper_case_signature_is_a_mismatch(void **state)
{
    struct world *world = *state;

    authorize(world, "AWS4-HMAC-SHA256 " CREDENTIAL(SCOPE) ", " SIGNED ", Signature=38b8");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
    authorize(world, "AWS4-HMAC-SHA256 " CREDENTIAL(
                         SCOPE) ", " SIGNED ", Signature="
                                "38B847D390A24BFD10F087B18CB148D195D48646FAEB9B5AF501A33EB94A5F65");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
}

static void header_values_are_trimmed_and_repeats_joined(void **state)
{
    struct world *world = *state;

    world->headers[1].value = STR("  application/x-amz-json-1.1 ");
    expect_accepted(world);
    world->headers[EXTRA] = (struct http_header){STR("X-Amz-Target"), STR("again")};
    world->request.headers_n = 6;
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
}

static void the_announced_body_hash_must_be_the_real_one(void **state)
{
    struct world *world = *state;

    world->request.headers_n = 6;
    world->headers[EXTRA] = (struct http_header){
        STR("X-Amz-Content-Sha256"),
        STR("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")};
    expect_accepted(world);
    world->headers[EXTRA].value = STR("UNSIGNED-PAYLOAD");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
}

static void no_signature_is_said_plainly(void **state)
{
    struct world *world = *state;

    world->request.headers_n = 4;
    expect_rejected(world, "MissingAuthenticationTokenException", "Missing Authentication Token");
    assert_int_equal(world->lookups, 0);
}

static void a_malformed_authorization_names_what_is_missing(void **state)
{
    struct world *world = *state;

    authorize(world, "AWS4-HMAC-SHA256 " CREDENTIAL(SCOPE));
    expect_rejected(
        world, "IncompleteSignatureException",
        "Authorization header requires 'Signature' parameter. Authorization header "
        "requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256 " CREDENTIAL(SCOPE));
    authorize(world, "Bearer x");
    world->headers[2].name = STR("X-Other");
    expect_rejected(world, "IncompleteSignatureException",
                    "Authorization header requires 'Credential' parameter. Authorization header "
                    "requires 'Signature' parameter. Authorization header requires "
                    "'SignedHeaders' parameter. Authorization header requires existence of either "
                    "a 'X-Amz-Date' or a 'Date' header. Authorization=Bearer x");
}

static void a_credential_has_five_parts(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"AKID/20260901/us-east-1/ecs", "AKID",
                                      "a/20260901/us-east-1/ecs/aws4_request/x"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *want = arena_printf(&world->arena,
                                        "Credential must have exactly 5 slash-delimited elements, "
                                        "e.g. keyid/date/region/service/term, got '%s'",
                                        bad[i]);
        authorize(world,
                  arena_printf(&world->arena,
                               "AWS4-HMAC-SHA256 Credential=%s, " SIGNED ", Signature=00", bad[i]));
        expect_rejected(world, "IncompleteSignatureException", want);
    }
}

#define WITH_SCOPE(scope)                                                                          \
    "AWS4-HMAC-SHA256 " CREDENTIAL(scope) ", " SIGNED ", Signature=" SIGNATURE_1

static void a_wrong_scope_is_named(void **state)
{
    struct world *world = *state;

    authorize(world, WITH_SCOPE("20260901/us_east/ecs/aws4_request"));
    expect_rejected(world, "InvalidSignatureException",
                    "Credential should be scoped to a valid region, not 'us_east'. ");
    authorize(world, WITH_SCOPE("20260901/us-east-1/ec2/aws4_request"));
    expect_rejected(world, "InvalidSignatureException",
                    "Credential should be scoped to correct service: 'ecs'. ");
    authorize(world, WITH_SCOPE("20260901/us-east-1/ecs/aws3_request"));
    expect_rejected(world, "InvalidSignatureException",
                    "Credential should be scoped with a valid terminator: 'aws4_request', not "
                    "'aws3_request'. ");
    authorize(world, WITH_SCOPE("20260902/us-east-1/ecs/aws4_request"));
    expect_rejected(world, "InvalidSignatureException",
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                    "date from HTTP: '20260902' != '20260901', from '20260901T101500Z'.");
    authorize(world, "AWS4-HMAC-SHA256 " CREDENTIAL(
                         SCOPE) ", SignedHeaders=x-amz-date, Signature=" SIGNATURE_1);
    expect_rejected(world, "InvalidSignatureException",
                    "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

static void a_list_of_regions_restricts(void **state)
{
    struct world *world = *state;
    struct str regions[] = {STR("eu-west-1"), STR("us-east-1")};
    struct sigv4_config config = {
        .service = STR("ecs"), .lookup = lookup, .user = world, .regions = regions, .regions_n = 2};

    sigv4_free(world->sigv4);
    world->sigv4 = sigv4_new(&config);
    expect_accepted(world);
    authorize(world, WITH_SCOPE("20260901/us-west-2/ecs/aws4_request"));
    expect_rejected(world, "InvalidSignatureException",
                    "Credential should be scoped to a valid region, not 'us-west-2'. ");
}

static void clocks_may_differ_by_five_minutes(void **state)
{
    struct world *world = *state;

    assert_int_equal(verify_at(world, "20260901T102000Z"), 0);
    assert_int_equal(verify_at(world, "20260901T101000Z"), 0);
    expect_rejected_at(world, "20260901T102001Z", "InvalidSignatureException",
                       "Signature expired: 20260901T101500Z is now earlier than 20260901T101501Z "
                       "(20260901T102001Z - 5 min.)");
    expect_rejected_at(world, "20260901T100959Z", "InvalidSignatureException",
                       "Signature not yet current: 20260901T101500Z is still later than "
                       "20260901T101459Z (20260901T100959Z + 5 min.)");
}

static void an_unreadable_date_is_said(void **state)
{
    struct world *world = *state;

    world->headers[2].value = STR("yesterday");
    expect_rejected(world, "IncompleteSignatureException",
                    "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See "
                    "http://en.wikipedia.org/wiki/ISO_8601");
}

static void unknown_keys_and_expired_tokens_are_told_apart(void **state)
{
    struct world *world = *state;

    authorize(world, "AWS4-HMAC-SHA256 Credential=AKIDOTHER/" SCOPE ", " SIGNED
                     ", Signature=" SIGNATURE_1);
    expect_rejected(world, "UnrecognizedClientException",
                    "The security token included in the request is invalid.");
    world->headers[EXTRA] = (struct http_header){STR("X-Amz-Security-Token"), STR("EXPIRED")};
    world->request.headers_n = 6;
    expect_rejected(world, "ExpiredTokenException",
                    "The security token included in the request is expired");
}

static void temporary_keys_need_their_token(void **state)
{
    struct world *world = *state;

    authorize(world, "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/" SCOPE ", " SIGNED
                     ", Signature=" SIGNATURE_1);
    expect_rejected(world, "UnrecognizedClientException",
                    "The security token included in the request is invalid.");
    assert_int_equal(world->lookups, 0);
}

static void a_replaced_secret_takes_effect_at_once(void **state)
{
    struct world *world = *state;

    expect_accepted(world);
    world->secret = STR("another");
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
    world->secret = STR(SECRET);
    sigv4_forget(world->sigv4, STR("AKIDEXAMPLE"));
    expect_accepted(world);
}

// ---- what we sign, we accept

static void sign(struct world *world, struct sigv4_request *request, struct sigv4_credentials keys)
{
    struct crypto *crypto = crypto_new();
    struct sigv4_scope scope = {.region = STR("eu-central-1"), .service = STR("ecs")};
    struct http_header *all = arena_array(&world->arena, struct http_header, 16);
    size_t n;

    assert_true(time_parse_amz(STR(NOW), &scope.now));
    memcpy(all, request->headers, request->headers_n * sizeof *all);
    n = sigv4_sign(crypto, request, &keys, &scope, &world->arena, all + request->headers_n);
    request->headers = all;
    request->headers_n += n;
    crypto_free(crypto);
}

static void our_own_signature_is_the_published_one(void **state)
{
    struct world *world = *state;
    struct crypto *crypto = crypto_new();
    struct sigv4_scope scope = {.region = STR("us-east-1"), .service = STR("ecs")};
    struct sigv4_credentials keys = {STR("AKIDEXAMPLE"), STR(SECRET), STR_NONE};
    struct http_header added[SIGV4_ADDED];
    struct http_header given[] = {world->headers[0], world->headers[1], world->headers[3]};
    size_t n;

    assert_true(time_parse_amz(STR(NOW), &scope.now));
    world->request.headers = given;
    world->request.headers_n = 3;
    n = sigv4_sign(crypto, &world->request, &keys, &scope, &world->arena, added);
    assert_int_equal(n, 2);
    EXPECT_STR(added[0].value, NOW);
    EXPECT_STR(added[1].value,
               "AWS4-HMAC-SHA256 " CREDENTIAL(SCOPE) ", " SIGNED ", Signature=" SIGNATURE_1);
    crypto_free(crypto);
}

static void signed_requests_of_every_shape_are_accepted(void **state)
{
    static const struct {
        const char *path;
        const char *query;
        const char *body;
    } cases[] = {
        {"/", "", ""},
        {"/ws", "clusterArn=default&agentVersion=1.0&a=%2F&a=%20&b", ""},
        {"/ws", "dockerVersion=DockerVersion%3A+20.10.24&z=1&Z=2&_=3", ""},
        {"/a%20b//c/./d/../e/", "x=%e4&y==", "body"},
        {"/..", "", "\xff\x00"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sigv4_request request = {.method = STR("GET"),
                                        .path = str_of(cases[i].path),
                                        .query = str_of(cases[i].query),
                                        .headers = world->headers,
                                        .headers_n = 2,
                                        .body = str_of(cases[i].body)};

        sign(world, &request,
             (struct sigv4_credentials){STR("AKIDEXAMPLE"), STR(SECRET), STR("TOKEN")});
        world->request = request;
        expect_accepted(world);
        EXPECT_STR(world->caller.region, "eu-central-1");
    }
}

// Computed with botocore's rules: a space signed as %20 whichever way it was sent.
static void plus_and_percent_twenty_are_one_spelling(void **state)
{
    struct world *world = *state;
    struct sigv4_request request = {.method = STR("GET"),
                                    .path = STR("/ws"),
                                    .query = STR("v=a%20b"),
                                    .headers = world->headers,
                                    .headers_n = 1};

    sign(world, &request, (struct sigv4_credentials){STR("AKIDEXAMPLE"), STR(SECRET), STR_NONE});
    request.query = STR("v=a+b");
    world->request = request;
    expect_accepted(world);
}

static void the_cache_is_bounded_and_still_right(void **state)
{
    struct world *world = *state;
    struct sigv4_config config = {
        .service = STR("ecs"), .lookup = lookup, .user = world, .cache_max = 1};
    struct sigv4_request first = world->request;
    struct sigv4_request second = {
        .method = STR("GET"), .path = STR("/"), .headers = world->headers, .headers_n = 1};

    sigv4_free(world->sigv4);
    world->sigv4 = sigv4_new(&config);
    sign(world, &second, (struct sigv4_credentials){STR("AKIDEXAMPLE"), STR(SECRET), STR_NONE});
    for (int i = 0; i < 3; i++) {
        world->request = first;
        expect_accepted(world);
        world->request = second;
        expect_accepted(world);
    }
}

// ---- query form

static void query_form(struct world *world, const char *signature)
{
    world->request = (struct sigv4_request){
        .method = STR("GET"), .path = STR("/"), .headers = world->headers, .headers_n = 1};
    world->request.query =
        str_fmt(&world->arena,
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%%2F20260901%%2F"
                "us-east-1%%2Fecs%%2Faws4_request&X-Amz-Date=20260901T101500Z&X-Amz-Expires=600&"
                "X-Amz-SignedHeaders=host&X-Amz-Signature=%s",
                signature);
}

#define QUERY_SIGNATURE "6568adbefe76da1946ea155000b2802c1d9fe6728e77207f88370b7e82bf7bf8"

static void the_query_form_is_accepted_until_it_expires(void **state)
{
    struct world *world = *state;

    query_form(world, QUERY_SIGNATURE);
    expect_accepted(world);
    assert_int_equal(verify_at(world, "20260901T102500Z"), 0);
    expect_rejected_at(world, "20260901T102501Z", "InvalidSignatureException",
                       "Signature expired: 20260901T101500Z is now earlier than 20260901T101501Z "
                       "(20260901T102501Z - 10 min.)");
    query_form(world, SIGNATURE_1);
    expect_rejected(world, "InvalidSignatureException", MISMATCH);
}

static void a_claim_is_read_without_being_checked(void **state)
{
    struct world *world = *state;

    authorize(world, WITH_SCOPE("19700101/ap-south-1/x/y"));
    assert_true(sigv4_claim(&world->request, &world->arena, &world->caller));
    EXPECT_STR(world->caller.region, "ap-south-1");
    EXPECT_STR(world->caller.key_id, "AKIDEXAMPLE");
    world->request.headers_n = 4;
    assert_false(sigv4_claim(&world->request, &world->arena, &world->caller));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_vector_is_accepted),
        CASE(the_second_vector_is_accepted),
        CASE(the_third_vector_with_its_token_is_accepted),
        CASE(anything_altered_is_a_mismatch),
        CASE(a_short_or_upper_case_signature_is_a_mismatch),
        CASE(header_values_are_trimmed_and_repeats_joined),
        CASE(the_announced_body_hash_must_be_the_real_one),
        CASE(no_signature_is_said_plainly),
        CASE(a_malformed_authorization_names_what_is_missing),
        CASE(a_credential_has_five_parts),
        CASE(a_wrong_scope_is_named),
        CASE(a_list_of_regions_restricts),
        CASE(clocks_may_differ_by_five_minutes),
        CASE(an_unreadable_date_is_said),
        CASE(unknown_keys_and_expired_tokens_are_told_apart),
        CASE(temporary_keys_need_their_token),
        CASE(a_replaced_secret_takes_effect_at_once),
        CASE(our_own_signature_is_the_published_one),
        CASE(signed_requests_of_every_shape_are_accepted),
        CASE(plus_and_percent_twenty_are_one_spelling),
        CASE(the_cache_is_bounded_and_still_right),
        CASE(the_query_form_is_accepted_until_it_expires),
        CASE(a_claim_is_read_without_being_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
