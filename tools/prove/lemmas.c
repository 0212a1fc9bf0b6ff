/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counting lemmas, proved by Frama-C's WP (lemmas.py): what the prover assumes
 * of "how many entries of a table count" and no bit-vector solver can know.
 *
 * a[i] says whether entry i counts.  Each function's contract is a lemma; its loop is
 * the induction.  The numbers are those of inv.py and view.py.
 */
#define ENTRIES 512

/*@ axiomatic Counting {
  @   logic integer count(int *a, integer n) reads a[0 .. n - 1];
  @   axiom none: \forall int *a; count(a, 0) == 0;
  @   axiom one_more: \forall int *a, integer n; 0 <= n ==>
  @     count(a, n + 1) == count(a, n) + (a[n] != 0 ? 1 : 0);
  @ }
  @*/

/* An entry that counts makes the count 1 or more; it is never above 512. */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && 0 <= i < ENTRIES && a[i] != 0;
  @ assigns \nothing;
  @ ensures 1 <= count(a, ENTRIES) <= ENTRIES;
  @*/
void one_counts(int *a, int i)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant 0 <= count(a, k) <= k;
	  @ loop invariant k > i ==> count(a, k) >= 1;
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/* One that does not keeps it below 512. */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && 0 <= i < ENTRIES && a[i] == 0;
  @ assigns \nothing;
  @ ensures 0 <= count(a, ENTRIES) < ENTRIES;
  @*/
void one_does_not(int *a, int i)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant 0 <= count(a, k) <= k;
	  @ loop invariant k > i ==> count(a, k) < k;
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/* Two make it 2 or more. */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && 0 <= i < j < ENTRIES;
  @ requires a[i] != 0 && a[j] != 0;
  @ assigns \nothing;
  @ ensures 2 <= count(a, ENTRIES);
  @*/
void two_count(int *a, int i, int j)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant 0 <= count(a, k) <= k;
	  @ loop invariant k > i ==> count(a, k) >= 1;
	  @ loop invariant k > j ==> count(a, k) >= 2;
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/* A count that is not 0 has a witness. */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && count(a, ENTRIES) != 0;
  @ assigns \nothing;
  @ ensures 0 <= \result < ENTRIES && a[\result] != 0;
  @*/
int witness(int *a)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant count(a, k) == 0;
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		if (a[k])
			return k;
	//@ assert \false;
	return 0;
}

/* Two tables that differ at one entry have counts that differ by that entry. */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && \valid_read(b + (0 .. ENTRIES - 1));
  @ requires 0 <= i < ENTRIES;
  @ requires \forall integer k; 0 <= k < ENTRIES && k != i ==> (a[k] != 0 <==> b[k] != 0);
  @ assigns \nothing;
  @ ensures count(b, ENTRIES) ==
  @	    count(a, ENTRIES) + (b[i] != 0 ? 1 : 0) - (a[i] != 0 ? 1 : 0);
  @*/
void one_changes(int *a, int *b, int i)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant k <= i ==> count(b, k) == count(a, k);
	  @ loop invariant k > i ==> count(b, k) ==
	  @	count(a, k) + (b[i] != 0 ? 1 : 0) - (a[i] != 0 ? 1 : 0);
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/* Filling n empty entries from @first on adds n: the range form of the one above. */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && \valid_read(b + (0 .. ENTRIES - 1));
  @ requires 0 <= first && 0 <= n && first + n <= ENTRIES;
  @ requires \forall integer k; first <= k < first + n ==> a[k] == 0 && b[k] != 0;
  @ requires \forall integer k; 0 <= k < first || first + n <= k < ENTRIES ==>
  @	     (a[k] != 0 <==> b[k] != 0);
  @ assigns \nothing;
  @ ensures count(b, ENTRIES) == count(a, ENTRIES) + n;
  @*/
void run_fills(int *a, int *b, int first, int n)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant k <= first ==> count(b, k) == count(a, k);
	  @ loop invariant first < k <= first + n ==> count(b, k) == count(a, k) + (k - first);
	  @ loop invariant k > first && k > first + n ==> count(b, k) == count(a, k) + n;
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/*
 * Beside a run [lo, hi): what counts in it, and beside it, is not more than what counts
 * in the table; and an entry in it that counts makes its own count 1 or more.
 */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && 0 <= lo <= hi <= ENTRIES;
  @ requires (0 <= i < lo || hi <= i < ENTRIES) && a[i] != 0;
  @ assigns \nothing;
  @ ensures count(a, ENTRIES) >= count(a, hi) - count(a, lo) + 1;
  @*/
void one_beside(int *a, int lo, int hi, int i)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant count(a, k) >= (i < k ? 1 : 0);
	  @ loop invariant k >= lo ==> count(a, lo) >= (i < lo ? 1 : 0);
	  @ loop invariant k >= hi ==> count(a, k) >= count(a, hi) + (hi <= i < k ? 1 : 0);
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && 0 <= lo <= hi <= ENTRIES;
  @ requires (0 <= i < lo || hi <= i < ENTRIES) && a[i] != 0;
  @ requires (0 <= j < lo || hi <= j < ENTRIES) && a[j] != 0 && i < j;
  @ assigns \nothing;
  @ ensures count(a, ENTRIES) >= count(a, hi) - count(a, lo) + 2;
  @*/
void two_beside(int *a, int lo, int hi, int i, int j)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant count(a, k) >= (i < k ? 1 : 0) + (j < k ? 1 : 0);
	  @ loop invariant k >= lo ==> count(a, lo) >= (i < lo ? 1 : 0) + (j < lo ? 1 : 0);
	  @ loop invariant k >= hi ==> count(a, k) >=
	  @	count(a, hi) + (hi <= i < k ? 1 : 0) + (hi <= j < k ? 1 : 0);
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && 0 <= lo <= hi <= ENTRIES;
  @ requires lo <= i < hi && a[i] != 0;
  @ assigns \nothing;
  @ ensures 1 <= count(a, hi) - count(a, lo) <= count(a, ENTRIES);
  @*/
void one_inside(int *a, int lo, int hi, int i)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant count(a, k) >= 0;
	  @ loop invariant k >= lo ==> count(a, lo) >= 0;
	  @ loop invariant lo <= k <= hi ==> count(a, k) >= count(a, lo) + (i < k ? 1 : 0);
	  @ loop invariant k >= hi ==> count(a, hi) >= count(a, lo) + 1;
	  @ loop invariant k >= hi ==> count(a, k) >= count(a, hi);
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}

/* A run has no more that count than entries, nor than its table. */
/*@ requires \valid_read(a + (0 .. ENTRIES - 1)) && 0 <= lo <= hi <= ENTRIES;
  @ assigns \nothing;
  @ ensures 0 <= count(a, hi) - count(a, lo) <= hi - lo;
  @ ensures count(a, hi) - count(a, lo) <= count(a, ENTRIES);
  @*/
void within(int *a, int lo, int hi)
{
	/*@ loop invariant 0 <= k <= ENTRIES;
	  @ loop invariant count(a, k) >= 0;
	  @ loop invariant k >= lo ==> count(a, lo) >= 0;
	  @ loop invariant lo <= k <= hi ==> 0 <= count(a, k) - count(a, lo) <= k - lo;
	  @ loop invariant k >= hi ==> 0 <= count(a, hi) - count(a, lo) <= hi - lo;
	  @ loop invariant k >= hi ==> count(a, k) >= count(a, hi);
	  @ loop assigns k;
	  @ loop variant ENTRIES - k;
	  @*/
	for (int k = 0; k < ENTRIES; k++)
		;
}
