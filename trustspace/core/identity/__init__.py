"""Who is who (统一身份登记): keys, certificates, signatures, tokens, DID documents and the list of participants."""
