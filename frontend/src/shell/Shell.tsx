import { Drawer } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Outlet } from "react-router";

import { ProblemNotice } from "@/components/Notice";
import { useEnvironment } from "@/api/queries";
import { usePage } from "@/app/page";
import { LiveProvider } from "@/live/LiveProvider";

import { Header } from "./Header";
import { Keys } from "./Keys";
import { LiveBanner } from "./LiveBanner";
import { Navigation } from "./Navigation";
import { NoPipeline } from "./NoPipeline";
import { PageTitle } from "./PageTitle";
import { Palette } from "./Palette";
import classes from "./Shell.module.css";

/** What is the same on every page: navigation, the page's range and zone, whether it is live, keys and palette. */
export function Shell() {
  const environment = useEnvironment();
  const { pipeline: asked } = usePage();
  const [menu, { open: openMenu, close: closeMenu }] = useDisclosure(false);
  const names = environment.data?.pipelines;
  const pipeline = asked ?? names?.[0];

  if (!names) {
    return environment.error ? (
      <main className={classes.alone}>
        <ProblemNotice error={environment.error} onRetry={() => void environment.refetch()} />
      </main>
    ) : null;
  }
  if (pipeline === undefined || !names.includes(pipeline)) return <NoPipeline asked={asked} known={names} />;
  return (
    <LiveProvider key={pipeline} pipeline={pipeline}>
      <PageTitle pipeline={pipeline} />
      <a href="#content" className={classes.skip}>
        Skip to the content
      </a>
      <div className={classes.shell}>
        <aside className={classes.side}>
          <Navigation />
        </aside>
        <div className={classes.column}>
          <Header pipeline={pipeline} pipelines={names} onMenu={openMenu} />
          <LiveBanner />
          <main id="content" className={classes.content} tabIndex={-1}>
            <Outlet context={pipeline} />
          </main>
        </div>
      </div>
      <Drawer opened={menu} onClose={closeMenu} size={248} title="Penstock" classNames={{ body: classes.drawer }}>
        <Navigation onNavigate={closeMenu} withBrand={false} />
      </Drawer>
      <Palette />
      <Keys />
    </LiveProvider>
  );
}
