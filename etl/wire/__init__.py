"""What every way out of the process needs: leaf templates, guarded HTTP, secrets, budgets, escaping.

The rule of the room: nothing here knows what a digest, an event or a rule is. A
module takes text, trees and addresses and gives back text, bytes and outcomes, so
that whatever leaves the process passes the same guards.
"""
