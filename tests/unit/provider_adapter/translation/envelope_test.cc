#include "services/provider_adapter/translation/envelope.h"

#include <gtest/gtest.h>

namespace tollgate::translation {
namespace {

const Envelope kEnvelope = {"gemini", "google", "gemini-3-pro", "the signature"};

TEST(Envelope, ComesBackAsItWentIn) {
  const Envelopes envelopes("key");
  std::string all;
  for (int i = 0; i < 256; ++i)
    all += static_cast<char>(i);
  for (const std::size_t size : {0, 1, 2, 3, 127, 128, 129, 16383, 16384, 300000}) {
    const Envelope envelope = {"openai", all, "", std::string(size, 'x') + all};
    EXPECT_EQ(envelopes.open(envelopes.seal(envelope)), envelope) << size;
  }
}

TEST(Envelope, IsWhatOthersReadInTheSameWay) {
  // python3: hmac.new(b"key", text, "sha256") over text = b"tg1." + urlsafe_b64encode(fields) without padding.
  EXPECT_EQ(Envelopes("key").seal({"a", "b", "c", "d"}), "tg1.AWEBYgFjAWQ.gt2PmL9fbwMGquPza1qWyMVzH7umSGVook3rCcIT_OY");
}

TEST(Envelope, OpensForNobodyElse) {
  const Envelopes envelopes("key");
  const std::string sealed = envelopes.seal(kEnvelope);
  EXPECT_EQ(Envelopes("other").open(sealed), std::nullopt);
  EXPECT_EQ(envelopes.open_for(sealed, "gemini", "google", "gemini-3-pro"), "the signature");
  EXPECT_EQ(envelopes.open_for(sealed, "openai", "google", "gemini-3-pro"), std::nullopt);
  EXPECT_EQ(envelopes.open_for(sealed, "gemini", "vertex", "gemini-3-pro"), std::nullopt);
  EXPECT_EQ(envelopes.open_for(sealed, "gemini", "google", "gemini-3-flash"), std::nullopt);
}

TEST(Envelope, IsNotOpenedWhenAnyCharacterOfItChanged) {
  const Envelopes envelopes("key");
  const std::string sealed = envelopes.seal(kEnvelope);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    for (const char other : {'A', 'B', '.', '_', '\0'}) {
      std::string changed = sealed;
      changed[i] = other;
      if (changed != sealed) {
        EXPECT_EQ(envelopes.open(changed), std::nullopt) << i;
      }
    }
    EXPECT_EQ(envelopes.open(sealed.substr(0, i)), std::nullopt) << i;
  }
  EXPECT_EQ(envelopes.open(sealed + "A"), std::nullopt);
}

// A field that claims to be longer than the envelope, sealed by somebody who has the key.
TEST(Envelope, SurvivesNonsense) {
  const Envelopes envelopes("key");
  for (const char* text : {"", "tg1", "tg1.", "tg1..", "tg1.AAAA", "tg1.AAAA.", "tg1.!.!", "EqSim", "tg2.AAAA.AAAA"})
    EXPECT_EQ(envelopes.open(text), std::nullopt) << text;
}

TEST(Envelope, KnowsItsOwnForm) {
  EXPECT_TRUE(is_envelope(Envelopes("key").seal(kEnvelope)));
  EXPECT_FALSE(is_envelope("EqQBCgIYAhIM1gbcDa9GJwZA2b3h"));
  EXPECT_FALSE(is_envelope(""));
}

TEST(Envelope, HasAKeyPerUpstream) {
  EXPECT_EQ(envelope_key("signing", "api"), envelope_key("signing", "other"));
  EXPECT_EQ(envelope_key("", "api"), envelope_key("", "api"));
  EXPECT_NE(envelope_key("", "api"), envelope_key("", "other"));
  EXPECT_NE(envelope_key("", "api"), envelope_key("", ""));
  EXPECT_NE(envelope_key("", "api"), "api");
}

}  // namespace
}  // namespace tollgate::translation
