/*
 * JSON Web Tokens, checked: the only file that knows libjwt.  The algorithm is
 * the key's, never what a token says of itself.
 * Spec: RFC 7519, "Validating a JWT"; RFC 7515, "crit"; RFC 7518, "HMAC with
 * SHA-2 Functions", "Digital Signature with RSASSA-PKCS1-v1_5", "Digital
 * Signature with ECDSA"; RFC 8725, "Perform Algorithm Verification".
 */
#ifndef TOKEN_H
#define TOKEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sse.h"

#define TOKEN_LEEWAY_MS 5000 /* by which clocks may differ */
#define TOKEN_KEY_MAX 16384  /* bytes of a key */
#define TOKEN_SECRET_MIN 32  /* bytes of an HMAC secret */
#define TOKEN_RSA_MIN 2048   /* bits */

struct token_key;

/*
 * The key in len bytes: a public key in PEM, RSA (RS256) or of the curve P-256
 * (ES256), or else a secret (HS256), of which a newline at the end is no part.
 * NULL with *fault a constant that fits behind "key FILE: ", or ENOMEM's.
 */
struct token_key *token_key_new(
    const char *bytes, size_t len, const char **fault);
/* Must nobody else know it? */
bool token_key_is_secret(const struct token_key *k);
void token_key_free(struct token_key *k); /* lets NULL pass */

/*
 * Check a token at now_ms (Unix time) against k: its signature, exp and nbf.
 * Returns 0 with *claims the payload, to be decref'd, and *until_ms the time
 * from which it holds no more (-1: it has no end); 1 when it is no good, *why
 * being a constant; -1 with ENOMEM.
 */
int token_check(const struct token_key *k, struct sse_text token,
    int64_t now_ms, json_t **claims, int64_t *until_ms, const char **why);

#endif
