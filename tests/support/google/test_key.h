// A key that signs for nobody, made for these tests, and what `openssl dgst -sha256 -sign` makes with it.
#pragma once

#include <string_view>

namespace tollgate::test {

// PKCS #8.
inline constexpr std::string_view kRsaKey =
    R"(-----BEGIN PRIVATE KEY-----
MIIEvwIBADANBgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQC8dWUinDdycsQr
CNDItS+W43Q7LU/MBaTo4IMTh522uIlx3pG1vGeuYxnG+n1xhfi+v6mTOc+CZvYK
QS+UBj8MihGgFsoTMpfz2foVOsdyc6Wj+DB8269yMgotYkZbohHrwTyUZa8NO7uh
fX7xVIC2s+5ssTuMzMPYsOu8OHq7xS27udoXqzFZVF5YkaZEx15K96chy4jMjhwU
U8XHB5fvNEeIcEO7pGD7kwlLITbLjG3Vr5u5YJxXp1ABhTikgPTPpgwhqVC0j76z
jVEqxmtxUN2vCblD0l0kttGtoU2cUv3hXh1y0NDBVKmkMGMk8gtoTpRtqLnryqUh
cjS8IuHVAgMBAAECggEAF8SwlCxim9cYoZrThjS/w0Z9jscYtNETauGB9pEYlYZx
o0BgXSzdYLOT+TH3Zz1v0VLn5q8YWkh1CHcPMpqVEhZJwciOBNzRKEqaDVpj9C3c
urDfIKguWPcxrGakHAN1QigVZVvrt34MnIHw5Cv1rdVEoUW7Dnd2zdoGaS8wX4T3
aMRGtgk+2vu+4caUigieer7yaNcpB81JrjaX1qO/Gic+189h7e11micklPrROZKW
DVVxZPAlZe/tvzRxiijAb6Jo0UdpsSwYINJg3ST6oAZkTwC1KLy11knc/Xb83ioM
Py/TT9+F2KtmLuTqua0YnH/EOdweaNwyZOn4Opw/MwKBgQD7ClOPvA7NmCiF7uYa
uchm3PzV9twUMDQxavJZJHkCWlc/K5mAYPykaj/BQLgAGdQYcMzCNtevwPD6IMY4
laWS4TJKK6WZPqY8dwpQcGOdEFM14QdkPyyqnd/UeHmZ8PsrHEg7FwUBkzSwBgdW
W+EnB8NCw7fQqkUA56KBqQuDAwKBgQDALo1Y0+CALgz0cR68ccOnjoSrS5/QkXBv
FTeMZ7kKIfYqqZye+7ax+MO732DcPlrTLKAc+ImQbbncTuhy5kJMx/FxqPLiWrWy
1Y9qurtFCGzxhYirKzYqHC5eR5GVzrdAS6Q/YI4y73XxVtQW+Oxl5kkb8FR6aEu7
NCXMLMyERwKBgQDLL4x6pceFeEY0QSxVLVGaj/rEY021uV5FMT5+EBsxYFWFd5CC
a/2QRb7cd7l1u3IDZikUeLcSNaPVj3lgix68RzEg/zrFUgPSpLbgbFbz5Sa0UTJe
XROV9LoZinlBs95XAkkkKnmO0MqwPfDqYOtXX90WyLqaVXYMSW8qatw6aQKBgQCX
EoEueLAcUxb/+QSOYmfJibEk7rfcvtfBms4l40uEeZoHg3mJSJofYUyMnVaJC8Ne
CdB7tax+CqN2WdlEqVko/mwASy1TXrdCs7qfzdZ0t+DcI3qCA9/6Tljs6Bm7x9oq
AsxEveRKig8O/pCO1nMOz25dNhlSeDZAHQgxbm3+9QKBgQDiIjyewnEdsCUiHvwg
drPnRlFpnAroDj/qN3gjW72SdsHs8exYwrjMrM2nxzKGczuCawhs8/l4kyY+fGUY
LbNexlOl+R0+JkhTGCsTL/+JEZ79JP1j5jZBhlOdNM0BQgtpfpqRK0/D3E+lkQfj
bYI54aOa7l9L6lOnbyWFGc4WQg==
-----END PRIVATE KEY-----
)";

inline constexpr std::string_view kRsaPublicKey =
    R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvHVlIpw3cnLEKwjQyLUv
luN0Oy1PzAWk6OCDE4edtriJcd6RtbxnrmMZxvp9cYX4vr+pkznPgmb2CkEvlAY/
DIoRoBbKEzKX89n6FTrHcnOlo/gwfNuvcjIKLWJGW6IR68E8lGWvDTu7oX1+8VSA
trPubLE7jMzD2LDrvDh6u8Utu7naF6sxWVReWJGmRMdeSvenIcuIzI4cFFPFxweX
7zRHiHBDu6Rg+5MJSyE2y4xt1a+buWCcV6dQAYU4pID0z6YMIalQtI++s41RKsZr
cVDdrwm5Q9JdJLbRraFNnFL94V4dctDQwVSppDBjJPILaE6Ubai568qlIXI0vCLh
1QIDAQAB
-----END PUBLIC KEY-----
)";

// The signature of {"alg":"RS256","kid":"key-1","typ":"JWT"} and the claims in google_test.cc.
inline constexpr std::string_view kRsaSignature =
    "BOtuYfU4rxWG_IzNsHHQBNVB5Sm8R4DU96119BE8xIAsUE3dnBKzvYhzJ38mmq390qXbo-Oj8XsZK2MRj-I-R7KCIOjMFhph"
    "UkAvlWIHgwu3O1KzFhf08w8SIVXt6Jn56Qii9EsDompPUsOH9Gu7x2sjN3RHVyXdYMt4-CRF8VxIZTtE-u7eoK8tmgRlNMsi"
    "4-xSwr7mY1UZCE07YWBwdhkQQJoev-sDlITD0ZgJCw2MdEdpnmmOY9lBzo_O-W_IKj6qMzfWg_e6R4mS8rXwN_bUqi4h9_S4"
    "LaAZGDfXDX0QMxExR5p4Wqaw7GoLUgH5r39Xl8HPgWwsNMj4YqPStg";

}  // namespace tollgate::test
