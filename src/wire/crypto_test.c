#include "wire/crypto.h"

#include "base/buf.h"
#include "base/test.h"

static struct crypto *crypto;

static int setup(void **state)
{
    (void)state;
    crypto = crypto_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    crypto_free(crypto);
    return 0;
}

static void expect_hex(const void *bytes, size_t len, const char *want)
{
    BUF_AUTO struct buf hex = BUF_INIT;

    hex_encode(&hex, bytes, len);
    EXPECT_STR(buf_str(&hex), want);
}

static void hashes_are_the_published_ones(void **state)
{
    struct sha256 hash;
    unsigned char sha1[SHA1_SIZE];
    (void)state;

    crypto_sha256(crypto, STR("abc"), &hash);
    expect_hex(hash.bytes, SHA256_SIZE,
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(crypto, STR_NONE, &hash);
    expect_hex(hash.bytes, SHA256_SIZE,
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha1(crypto, STR("abc"), sha1);
    expect_hex(sha1, SHA1_SIZE, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

// RFC 4231, test case 2
static void a_key_signs_again_and_again(void **state)
{
    struct crypto_key *key = crypto_key_new(crypto, STR("Jefe"));
    struct sha256 mac;
    (void)state;

    for (int i = 0; i < 2; i++) {
        crypto_key_sign(key, STR("what do ya want for nothing?"), &mac);
        expect_hex(mac.bytes, SHA256_SIZE,
                   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
    crypto_key_free(key);
    crypto_hmac(crypto, STR_NONE, STR_NONE, &mac);
    expect_hex(mac.bytes, SHA256_SIZE,
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// RFC 4648, section 10
static void base64_goes_there_and_back(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe", "//4="},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        BUF_AUTO struct buf there = BUF_INIT;
        BUF_AUTO struct buf back = BUF_INIT;
        base64_encode(&there, str_of(cases[i][0]));
        EXPECT_STR(buf_str(&there), cases[i][1]);
        assert_true(base64_decode(buf_str(&there), &back));
        EXPECT_STR(buf_str(&back), cases[i][0]);
    }
}

static void bad_text_forms_are_refused(void **state)
{
    static const char *const bad[] = {
        "Z", "Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Z!==", "Zm9v\n"};
    BUF_AUTO struct buf out = BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(base64_decode(str_of(bad[i]), &out));
    assert_false(hex_decode(STR("0"), &out));
    assert_false(hex_decode(STR("0g"), &out));
    assert_int_equal(buf_len(&out), 0);
    assert_true(hex_decode(STR("00fFa1"), &out));
    assert_memory_equal(out.ptr, "\x00\xff\xa1", 3);
}

static void comparison_knows_equal_from_not(void **state)
{
    (void)state;
    assert_true(crypto_equal(STR("abc"), STR("abc")));
    assert_true(crypto_equal(STR_NONE, STR("")));
    assert_false(crypto_equal(STR("abc"), STR("abd")));
    assert_false(crypto_equal(STR("abc"), STR("ab")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hashes_are_the_published_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_signs_again_and_again, setup, teardown),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(bad_text_forms_are_refused),
        cmocka_unit_test(comparison_knows_equal_from_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
