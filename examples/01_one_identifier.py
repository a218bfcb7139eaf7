"""One identifier: made, read, explained, mistyped. Runs alone, prints, touches nothing."""

from __future__ import annotations

from trustspace.core.errors import InvalidInput
from trustspace.core.identifiers import DRAFT, Kind, check_credit_code, explain, file_form, make, parse, url_form

COMPANY = "91350100M000100Y43"  # a sample 统一社会信用代码


def main() -> None:
    check_credit_code(COMPANY)

    # The functional node of road transport (00 + 大类 54 of GB/T 4754) gives a bus company's connector its code.
    connector = make(Kind.CONNECTOR, subject=COMPANY, place="0054", serial="7K2M9Q4T")
    print(f"{connector}  ({len(connector.text)} characters)")
    for part in explain(connector.text).parts:
        print(f"  {part.first:>2}–{part.last:<2} {part.value:<18} {part.chinese}: {part.meaning}")

    # A data product may carry its older code after the dot: escaped in a URL, never raw in a file name.
    product = make(Kind.PRODUCT, subject=COMPANY, place="0054", serial="BUS00001", extension="1215202502281BH95JZY")
    print(f"{product}\n  in a URL:  {url_form(product)}\n  as a file: {file_form(product)}")
    assert parse(product.text) == product

    # Two neighbours exchanged: refused, with the place and what to do.
    try:
        parse(connector.text.replace("7K2M", "7KM2"))
    except InvalidInput as error:
        print(f"refused: {error}")

    # Made under the draft's MOD 37-2: not valid under the algorithm in force, and the answer says why.
    older = make(Kind.CONNECTOR, subject=COMPANY, place="0054", serial="7K2M9Q4T", profile=DRAFT)
    print(f"{older}: {explain(older.text).diagnostics[0]}")


if __name__ == "__main__":
    main()
