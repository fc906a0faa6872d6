#include "base/crypto/hkdf.hpp"

#include <memory>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string>
#include <utility>
#include <vector>

namespace weave {
namespace {

struct FreeKdf {
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

/// libcrypto's parameters want pointers to mutable memory, and only read it.
OSSL_PARAM octets_parameter(char const* name, ByteView octets) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(octets.data()), octets.size());
}

} // namespace

Result<Secret> hkdf_sha256(ByteView key, ByteView salt, ByteView info, std::size_t size) {
  std::unique_ptr<EVP_KDF, FreeKdf> const kdf{EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_HKDF, nullptr)};
  std::unique_ptr<EVP_KDF_CTX, FreeKdf> const context{kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr};
  std::string digest = "SHA256";
  std::vector parameters{OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                         octets_parameter(OSSL_KDF_PARAM_KEY, key), octets_parameter(OSSL_KDF_PARAM_INFO, info)};
  if (!salt.empty()) parameters.push_back(octets_parameter(OSSL_KDF_PARAM_SALT, salt));
  parameters.push_back(OSSL_PARAM_construct_end());
  Bytes octets(size);
  bool const done = context && EVP_KDF_derive(context.get(), octets.data(), octets.size(), parameters.data()) == 1;
  Secret derived{std::move(octets)};
  if (!done) return failure(ErrorKind::unavailable, "libcrypto cannot derive keys (HKDF-SHA256)");
  return derived;
}

} // namespace weave
