import { ref, type Ref } from 'vue';
import { api, unwrap } from '@/api/client';
import { asApiError } from '@/api/problem';
import { formatNumber } from '@/texts/format';
import { names } from '@/texts/names';
import { useTexts } from '@/texts/texts';
import { downloadCsv, toCsv } from '@/ui/csv';
import { useToasts } from '@/ui/toasts';
import { listTexts } from './listTexts';
import type { listQuery } from './listQuery';
import type { ListedProject } from './useProjectList';

/** The longest file: a hundred requests, and as many rows as a person can work with. */
const MOST = 10_000;
const PAGE = 100;

interface ListCsv {
  isBusy: Ref<boolean>;
  /** Rows collected so far. */
  collected: Ref<number>;
  download: (query: ReturnType<typeof listQuery>) => Promise<void>;
}

/** Collects all pages of a list into a file, and says how many rows it has. */
export function useListCsv(): ListCsv {
  const t = useTexts(listTexts);
  const n = useTexts(names);
  const toasts = useToasts();
  const isBusy = ref(false);
  const collected = ref(0);

  const cells = (it: ListedProject): (string | number | null | undefined)[] => [
    n.value.phase[it.phase],
    it.name,
    it.year,
    it.category,
    it.regions.join(', '),
    it.period.startsOn,
    it.period.endsOn,
    it.period.text,
    it.figures?.interests,
    it.figures?.consultations,
    it.figures?.salesman?.displayName,
    it.agency,
    it.host,
    it.link,
  ];
  const heads = (): string[] => {
    const { phase, name, year, category, region, startsOn, endsOn, period } = t.value;
    const { interests, consultations, salesman, agency, host, link } = t.value;
    return [
      ...[phase, name, year, category, region, startsOn, endsOn, period],
      ...[interests, consultations, salesman, agency, host, link],
    ];
  };

  const download: ListCsv['download'] = async (query) => {
    if (isBusy.value) return;
    isBusy.value = true;
    collected.value = 0;
    const rows: ListedProject[] = [];
    try {
      let after: string | undefined;
      do {
        const params = { query: { ...query, limit: PAGE, ...(after !== undefined && { after }) } };
        const page = await unwrap(api.GET('/api/projects', { params }));
        rows.push(...page.items);
        collected.value = rows.length;
        after = page.next ?? undefined;
      } while (after !== undefined && rows.length < MOST);
      downloadCsv(t.value.csvName, toCsv(heads(), rows.map(cells)));
      const count = formatNumber(rows.length);
      toasts.show(after === undefined ? t.value.csvDone(count) : t.value.csvCut(count));
    } catch (error) {
      toasts.show(asApiError(error).title || t.value.csvFailed);
    } finally {
      isBusy.value = false;
    }
  };
  return { isBusy, collected, download };
}
