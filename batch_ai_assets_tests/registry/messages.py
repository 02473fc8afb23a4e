"""Messages to an online shop, each with what its writer asks for. Our own writing.

Written before the model answered any of them, and never taken into the job's examples or meanings.
`ASIDE` ask for something that no desk of the shop answers.
"""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, ...]] = {
    "delivery_status": (
        "My package was due yesterday and has still not come.",
        "Could you tell me when I can expect order 88213?",
        "It has been nearly two weeks. Did you even ship my books?",
        "The courier's link says out for delivery since Monday morning.",
        "supposedly handed to me on Friday, but I have received nothing at all",
        "Any news on my delivery? I ordered on the first and the site says three working days.",
    ),
    "delivery_change": (
        "We are moving at the weekend, please bring the parcel to the new flat instead.",
        "Can I pick the package up at a shop nearby rather than wait at home?",
        "Please deliver on Saturday, I work all week.",
        "the address on my order has the wrong house number, it should be 14 and not 41",
        "Tell the driver to ring at the back door, the front bell does not work.",
        "Would you hold my shipment until I am home from holiday on the 12th?",
    ),
    "order_change": (
        "Stop my order, I don't want it any more. It is not packed yet I hope.",
        "I just ordered and picked the wrong colour, can you make it black?",
        "Please add a second pair of gloves to the order from this morning.",
        "can I still cancel? I bought it five minutes ago",
        "My son ordered three games by accident, we only want the first one. Please cut the others "
        "from the order before it is sent.",
        "I need size 42 rather than 41 in the order that I placed today.",
    ),
    "return_request": (
        "The trousers don't fit, I'd like to return them.",
        "Where do I find a return label?",
        "I changed my mind about the coffee machine. It is unopened. How can I give it back?",
        "Could I exchange this sweater for a smaller one?",
        "Is it possible to return a gift without the packaging?",
        "what do i have to do to send back two of the four plates",
    ),
    "refund_status": (
        "You got my return ten days ago. Where is my money?",
        "When do I get the refund for the boots that I sent back?",
        "My return was accepted, but nothing has been credited to my card so far.",
        "The refund is eight euros short, why is that?",
        "how long does it take until the money for returned goods is in my account",
        "Your mail says refunded, my bank says no. Could you check again?",
    ),
    "damaged_item": (
        "The screen was cracked when I opened the box.",
        "My headphones died after a month, only the left side plays.",
        "Two of the glasses were broken on arrival.",
        "The zip of the new coat got stuck on the first day and now it is torn.",
        "the bottle leaked, half of the shampoo is gone",
        "Does the guarantee cover a washing machine that no longer spins?",
    ),
    "wrong_item": (
        "You sent me a size S although I ordered an L.",
        "Instead of the novel there was a cookbook in the package.",
        "The charger that belongs to the drill was not in the box.",
        "I paid for three candles, and only two came.",
        "this is not the lamp I ordered, mine was brass",
        "I received another customer's parcel by mistake.",
    ),
    "payment_problem": (
        "I was charged two times for one order.",
        "Your shop refuses my card every time I try to pay.",
        "My discount code is said to be invalid, but it runs until Sunday.",
        "You took 59 from my account, the order was 49.",
        "paying by instalments always ends in an error at the checkout",
        "The gift card is not accepted, although there are 20 euros on it.",
    ),
    "invoice_request": (
        "Please send me the invoice for order 5521.",
        "I need a receipt for my tax return.",
        "Could the bill be made out to my employer?",
        "Our VAT number is missing on the invoice, please issue it again.",
        "where can I download my invoices from last year",
        "I have lost the receipt, would you mail me another copy?",
    ),
    "account_access": (
        "I can't sign in any more.",
        "The code for logging in never arrives on my phone.",
        "My account has been blocked, please unlock it.",
        "How do I set a new password?",
        "I think my account was hacked, there are orders in it that I never made.",
        "it says my user name is unknown but I've been a customer for years",
    ),
    "product_question": (
        "Does this lens fit my camera?",
        "Is the cushion cover made of real wool?",
        "Do you have the blue one in size 38?",
        "How wide is the desk, and can its height be changed?",
        "will you get the wooden train set again before Christmas",
        "Are the batteries for the toy included or do I buy them extra?",
    ),
    "personal_data": (
        "Stop sending me advertising e-mails.",
        "Please erase my customer account for good.",
        "I want a copy of all the data that you hold about me.",
        "My surname changed when I married, please correct it in your records.",
        "did you give my phone number to other companies",
        "I withdraw my consent to being tracked and profiled.",
    ),
}

ASIDE: tuple[str, ...] = (
    "I am a student and write about the history of shopping. May I interview someone?",
    "Do you have open jobs in the accounting team?",
    "Our agency could bring your website to the top of every search engine.",
    "Happy new year to the whole team!",
    "Who won the match last night?",
    "Write me a poem about the sea.",
    "The music in your radio spot is great. What is the song called?",
    "We would like you to sponsor our village football club.",
)
