import { useQuery } from "@tanstack/react-query";
import { Navigate, Route, Routes, useLocation } from "react-router";

import { sessionQuery } from "@/api/queries";
import { ProblemNotice } from "@/components/Notice";
import { LoginPage } from "@/login/LoginPage";
import { OverviewPage } from "@/overview/OverviewPage";
import { NotFound } from "@/shell/NotFound";
import { Shell } from "@/shell/Shell";

import classes from "./App.module.css";

export function App() {
  const { data, error, refetch } = useQuery(sessionQuery());
  if (!data) {
    return error ? (
      <main className={classes.alone}>
        <ProblemNotice error={error} onRetry={() => void refetch()} />
      </main>
    ) : null;
  }
  return (
    <Routes>
      <Route path="/login" element={<LoginPage />} />
      <Route element={data.user ? <Shell /> : <ToLogin />}>
        <Route index element={<OverviewPage />} />
        <Route path="*" element={<NotFound />} />
      </Route>
    </Routes>
  );
}

/** To the login, and back here after it. */
function ToLogin() {
  const { pathname, search, hash } = useLocation();
  const here = pathname + search + hash;
  return <Navigate to={here === "/" ? "/login" : `/login?${new URLSearchParams({ next: here })}`} replace />;
}
