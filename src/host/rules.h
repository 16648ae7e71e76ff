// The host's packet rules, kept by one owner for all who want some: they change the plan (nft.h),
// then have it applied. Applying is one run of `nft` at a time; changes that come meanwhile go into
// the next one. Tables outlive us: running containers keep their rules while no agent is there.

#ifndef HOST_RULES_H
#define HOST_RULES_H

#include "host/nft.h"

struct loop;
struct rules;

struct rules *rules_open(struct loop *loop);
void rules_close(struct rules *rules); // who waits is not heard of; NULL is fine

// To be changed before rules_apply. What it points at is the changer's and must live until the
// next change of the same member.
struct nft_plan *rules_plan(struct rules *rules);

// `why` is empty when the plan, as it was at the call or newer, is in force.
typedef void rules_fn(void *user, struct str why);
struct rules_wish;

// `fn` is called once, later; NULL: nobody wants to know.
struct rules_wish *rules_apply(struct rules *rules, rules_fn *fn, void *user);
void rules_forget(struct rules_wish *wish); // its fn is not called any more; NULL is fine

#endif
