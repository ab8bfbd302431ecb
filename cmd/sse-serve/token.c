#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jwt.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "token.h"

#define FAR_S 1e11 /* seconds: beyond it times are taken for no end */

struct token_key {
	jwt_alg_t alg;
	size_t len;
	unsigned char bytes[]; /* a NUL stands behind them */
};

/* What a public key signs with here; JWT_ALG_INVAL with *fault. */
static jwt_alg_t
public_alg(const EVP_PKEY *k, const char **fault)
{
	char group[32] = "";

	switch (EVP_PKEY_get_base_id(k)) {
	case EVP_PKEY_RSA:
		if (EVP_PKEY_get_bits(k) >= TOKEN_RSA_MIN)
			return JWT_ALG_RS256;
		*fault = "an RSA key of less than 2048 bits is not safe";
		return JWT_ALG_INVAL;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(k, group, sizeof(group), NULL) ==
			1 &&
		    strcmp(group, "prime256v1") == 0)
			return JWT_ALG_ES256;
		*fault = "ES256 takes keys of the curve P-256 (prime256v1)";
		return JWT_ALG_INVAL;
	default:
		*fault = "it is a public key of neither RSA nor P-256";
		return JWT_ALG_INVAL;
	}
}

static jwt_alg_t
pem_alg(const char *pem, size_t len, const char **fault)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *k = bio == NULL ? NULL
				  : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	jwt_alg_t alg = JWT_ALG_INVAL;

	*fault = memmem(pem, len, "PRIVATE KEY", 11) != NULL
	    ? "it holds a private key; tokens are checked with the public one "
	      "(openssl pkey -pubout)"
	    : "it holds no public key in PEM";
	if (k != NULL)
		alg = public_alg(k, fault);
	EVP_PKEY_free(k);
	BIO_free(bio);
	ERR_clear_error();
	return alg;
}

struct token_key *
token_key_new(const char *bytes, size_t len, const char **fault)
{
	jwt_alg_t alg = JWT_ALG_HS256;
	struct token_key *k;

	if (len > TOKEN_KEY_MAX) {
		*fault = "it is longer than 16384 bytes";
		return NULL;
	}
	if (memmem(bytes, len, "-----BEGIN ", 11) != NULL) {
		if ((alg = pem_alg(bytes, len, fault)) == JWT_ALG_INVAL)
			return NULL;
	} else {
		if (len > 0 && bytes[len - 1] == '\n')
			len--;
		if (len < TOKEN_SECRET_MIN) {
			*fault = "a secret for HS256 has at least 32 bytes";
			return NULL;
		}
	}
	if ((k = malloc(sizeof(*k) + len + 1)) == NULL) {
		*fault = "memory has run out";
		return NULL;
	}
	k->alg = alg;
	k->len = len;
	memcpy(k->bytes, bytes, len);
	k->bytes[len] = '\0';
	return k;
}

void
token_key_free(struct token_key *k)
{
	if (k != NULL)
		freezero(k, sizeof(*k) + k->len + 1);
}

bool
token_key_is_secret(const struct token_key *k)
{
	return k->alg == JWT_ALG_HS256;
}

/* Three runs of letters of base64url, parted by dots. */
static bool
well_formed(struct sse_text token)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-_";
	size_t dots = 0, run = 0;

	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] == '.') {
			if (run == 0)
				return false;
			dots++;
			run = 0;
		} else if (memchr(letters, token.ptr[i], 64) == NULL)
			return false;
		else
			run++;
	}
	return dots == 2 && run > 0;
}

/*
 * Is it signed by k?  libjwt would take the algorithm from the token, so that
 * a public key might pass for a secret: the header is read first, unverified.
 */
static int
verify(
    const struct token_key *k, const char *token, jwt_t **jwt, const char **why)
{
	const char *alg;
	char *crit = NULL;
	jwt_t *head = NULL;
	int error = jwt_decode(&head, token, NULL, 0);

	*why = "the token is no JSON Web Token";
	if (error == 0) {
		alg = jwt_get_header(head, "alg");
		if (alg == NULL || jwt_str_alg(alg) != k->alg) {
			*why = "the token is not signed by the algorithm of "
			       "the key";
			error = EINVAL;
		} else if ((crit = jwt_get_headers_json(head, "crit")) !=
		    NULL) {
			*why = "the token has a critical extension";
			error = EINVAL;
		}
	}
	free(crit);
	jwt_free(head);
	if (error != 0)
		return error;
	*why = "the token's signature is wrong";
	return jwt_decode(jwt, token, k->bytes, (int)k->len);
}

/* A time in the claims, in ms; -1: there is none.  False: it is no time. */
static bool
time_of(const json_t *claims, const char *name, int64_t *ms)
{
	const json_t *t = json_object_get(claims, name);
	double s;

	*ms = -1;
	if (t == NULL)
		return true;
	if (!json_is_number(t))
		return false;
	s = json_number_value(t);
	if (s < 0)
		*ms = 0;
	else if (s < FAR_S)
		*ms = (int64_t)(s * 1000);
	return true;
}

static const char *
check_times(const json_t *claims, int64_t now_ms, int64_t *until_ms)
{
	int64_t exp, nbf;

	if (!time_of(claims, "exp", &exp) || !time_of(claims, "nbf", &nbf))
		return "exp or nbf of the token is no number";
	if (nbf > now_ms + TOKEN_LEEWAY_MS)
		return "the token is not valid yet";
	if (exp >= 0 && exp + TOKEN_LEEWAY_MS <= now_ms)
		return "the token has expired";
	/* Who comes within the leeway is not sent away at once. */
	*until_ms = exp >= 0 && exp <= now_ms ? exp + TOKEN_LEEWAY_MS : exp;
	return NULL;
}

int
token_check(const struct token_key *k, struct sse_text token, int64_t now_ms,
    json_t **claims, int64_t *until_ms, const char **why)
{
	jwt_t *jwt = NULL;
	char *text, *json = NULL;
	int error;

	*why = "the token is no JSON Web Token";
	if (!well_formed(token))
		return 1;
	if ((text = strndup(token.ptr, token.len)) == NULL)
		return -1;
	if ((error = verify(k, text, &jwt, why)) == 0)
		json = jwt_get_grants_json(jwt, NULL);
	free(text);
	jwt_free(jwt);
	ERR_clear_error();
	if (error != 0)
		return error == ENOMEM ? -1 : 1;
	*claims = json == NULL ? NULL : json_loads(json, 0, NULL);
	free(json);
	if (*claims == NULL)
		return -1;
	*why = json_is_object(*claims) ? NULL : "the token holds no claims";
	if (*why == NULL &&
	    (*why = check_times(*claims, now_ms, until_ms)) == NULL)
		return 0;
	json_decref(*claims);
	*claims = NULL;
	return 1;
}
